// When the page is brought up to date. Events come as fast as the daemon computes, and a redraw takes as long as the
// reader's machine is slow: without a rest between two of them, that machine would have no time left for its reader.

import {pause} from './pause.js';

const MOST_REST_MS = 2000;

/** A function that has draw() called soon, however often it is called meanwhile: in a frame, and half of the time at most. */
export function redrawing(draw) {
  let wanted = false, awake = false;

  async function drawOnce() {
    const start = await new Promise((resolve) => { requestAnimationFrame(() => resolve(performance.now())); });
    wanted = false;
    try {
      draw();
    } finally {
      // The first comes back when the browser has laid out and painted what was drawn.
      await pause(0);
      await pause(Math.min(MOST_REST_MS, performance.now() - start));
    }
  }

  return async () => {
    wanted = true;
    if (awake) return;
    awake = true;
    try {
      while (wanted) await drawOnce();
    } finally {
      awake = false;
    }
  };
}
