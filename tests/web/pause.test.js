// Waiting, without a browser.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { load } from './modules.js';

// As over plain http from elsewhere: tabs elect the one that leads.
Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
const { lead } = await load('leader.js');
const { pause } = await load('pause.js');
const { redrawing } = await load('redraw.js');
globalThis.requestAnimationFrame = setImmediate;
const listeners = (signal) => getEventListeners(signal, 'abort').length;

test('a pause ends in time or with its signal, where it leaves nothing behind', { timeout: 60000 }, async () => {
  const { signal } = new AbortController();
  await pause(1, signal);
  assert.equal(listeners(signal), 0);
  const control = new AbortController();
  const waiting = pause(1e6, control.signal);
  assert.equal(listeners(control.signal), 1);
  control.abort();
  await waiting;
  assert.equal(listeners(control.signal), 0);
  await pause(1e6, control.signal);
});

test('a tab that waits to lead waits for one thing at a time, however long', { timeout: 60000 }, async () => {
  const leader = new BroadcastChannel('test.leader');
  const calls = setInterval(() => leader.postMessage(0), 100);
  const control = new AbortController();
  lead('test', control.signal, () => assert.fail('there is a leader'));
  try {
    await sleep(1500);  // more than its first pause
    assert.equal(listeners(control.signal), 1);
  } finally {
    control.abort();
    clearInterval(calls);
    leader.close();
  }
});

test('between two redraws the page rests as long as one takes, and the last change is drawn', { timeout: 60000 }, async () => {
  const draws = [];  // {start, end, seen}
  let made = 0;
  const changed = redrawing(() => {
    const start = performance.now();
    while (performance.now() < start + 20);
    draws.push({ start, end: performance.now(), seen: made });
  });
  for (; draws.length < 5; await sleep(1)) {
    made++;
    changed();
  }
  made++;
  changed();
  for (let n = 0; n < 5000 && draws.at(-1).seen < made; n++) await sleep(1);
  assert.equal(draws.at(-1).seen, made);
  const rests = draws.slice(1).map(({ start }, i) => (start - draws[i].end) / (draws[i].end - draws[i].start));
  assert.ok(Math.min(...rests) > 0.95, `rests: ${rests}`);
});

test('a redraw that fails is told of, and the next change is drawn', { timeout: 60000 }, async () => {
  let draws = 0;
  const changed = redrawing(() => {
    if (++draws === 1) throw new Error('no such view');
  });
  await assert.rejects(changed(), /no such view/);
  await changed();
  assert.equal(draws, 2);
});
