// Pictures of a data set on canvases. An <img> cannot send a token, and the page's policy allows no addresses made by
// scripts; a canvas needs neither. Each is fetched when it comes into sight, a few at a time, and kept in the size that
// is shown.

import * as api from './api.js';
import {h, setAttribute} from './dom.js';

const PARALLEL = 4;
const SHOWN = 192;     // pixels of a side that are kept at most
const COARSE = 64;     // sides below are shown pixel by pixel
const AGAIN_MS = 3000;  // between two questions without an answer

const waiting = new Set();  // canvases in sight without their picture
const fetches = new WeakMap();  // canvas -> () => a promise
let busy = 0;
let resting = false;  // the daemon did not answer, and is to be asked again in a while

const seen = new IntersectionObserver((entries) => {
  for (const {target, isIntersecting} of entries) {
    if (isIntersecting) waiting.add(target);
    else waiting.delete(target);
  }
  fill();
}, {rootMargin: '200px'});

function fill() {
  for (const canvas of waiting) {
    if (busy >= PARALLEL || resting) return;
    waiting.delete(canvas);
    if (canvas.isConnected) show(canvas);
    else seen.unobserve(canvas);
  }
}

/** This one has to be read again, if it is still in sight then. */
function rest(canvas) {
  seen.observe(canvas);
  if (resting) return;
  resting = true;
  setTimeout(() => {
    resting = false;
    fill();
  }, AGAIN_MS);
}

async function show(canvas) {
  busy++;
  seen.unobserve(canvas);
  try {
    draw(canvas, await fetches.get(canvas)());
    setAttribute(canvas, 'data-state', 'shown');
    setAttribute(canvas, 'title', null);
  } catch (error) {
    setAttribute(canvas, 'data-state', 'failed');
    setAttribute(canvas, 'title', `Could not be read: ${error.message}`);
    if (!error.status || error.status >= 500) rest(canvas);
  }
  busy--;
  fill();
}

/** Draw what `bitmap` has, and let go of it. */
export function draw(canvas, bitmap) {
  Object.assign(canvas, {width: bitmap.width, height: bitmap.height});
  canvas.getContext('2d').drawImage(bitmap, 0, 0);
  canvas.classList.toggle('coarse', bitmap.width < COARSE);
  bitmap.close();
}

async function small(blob, most) {
  const bitmap = await createImageBitmap(blob);
  if (bitmap.width <= most) return bitmap;
  const scaled = await createImageBitmap(bitmap, {resizeWidth: most, resizeHeight: Math.round(most * bitmap.height / bitmap.width), resizeQuality: 'medium'});
  bitmap.close();
  return scaled;
}

/** A canvas that shows picture `n` of a data set once it comes into sight; `label` says what it is. */
export function picture(set, n, label, {most = SHOWN} = {}) {
  const canvas = h('canvas', {class: 'picture', role: 'img', 'aria-label': label, width: 1, height: 1});
  fetches.set(canvas, async () => small(await api.picture(set, n), most));
  seen.observe(canvas);
  return canvas;
}
