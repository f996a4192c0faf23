// One tab of a browser leads, the others wait until it is gone.
//
// Web Locks do just that, but browsers have them only on https and on the machine itself. Over plain http from
// elsewhere the tabs agree by calling out: who leads says so every second, who hears nothing for a while takes
// over, and of two that lead at once the one with the larger number gives way.

import {pause} from './pause.js';

const CALL_MS = 1000;
const SILENCE_MS = 2500;

/** Wait to lead, then run(signal) until it returns or `signal` aborts. */
export function lead(name, signal, run) {
  if (navigator.locks) return navigator.locks.request(name, {signal}, () => run(signal)).catch(() => {});
  return elect(name, signal, run);
}

async function elect(name, signal, run) {
  const channel = new BroadcastChannel(`${name}.leader`);
  const me = Math.random();
  let heardAt = performance.now() - SILENCE_MS + 300 + 400 * me, reign = null;
  channel.onmessage = ({data: other}) => {
    heardAt = performance.now();
    if (reign && other < me) reign.abort();
  };
  while (!signal.aborted) {
    const left = heardAt + SILENCE_MS - performance.now();
    if (left > 0) {
      await pause(left, signal);
      continue;
    }
    reign = new AbortController();
    const end = () => reign.abort();
    signal.addEventListener('abort', end);
    channel.postMessage(me);
    const calls = setInterval(() => channel.postMessage(me), CALL_MS);
    await run(reign.signal);
    clearInterval(calls);
    signal.removeEventListener('abort', end);
    if (!reign.signal.aborted) break;
    reign = null;
  }
  channel.close();
}
