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
