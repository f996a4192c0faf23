// What is said of a file on its way to the daemon, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './modules.js';

globalThis.sessionStorage = { getItem: () => null, setItem() {} };
const { statusText } = await load('views/transfer_list.js');

const of = (upload) => statusText({ upload: { sent: 0, error: null, file: { size: 6e6 }, ...upload }, error: null, startedAt: 0, startedFrom: 0 });

test('a file that left whole waits like any other when the line breaks', () => {
  assert.match(of({ status: 'waiting', sent: 6e6, error: 'The connection broke' }), /The connection broke; it goes on when the daemon answers\.$/);
  assert.match(of({ status: 'paused', sent: 6e6 }), /, paused$/);
  assert.match(of({ status: 'sending', sent: 6e6 }), /the daemon is taking it in$/);
});

test('a file that left in part says how far it is', () => {
  assert.match(of({ status: 'sending', sent: 3e6 }), /^3.0 MB of 6.0 MB, .*\/s, .* left$/);
  assert.match(of({ status: 'waiting', sent: 3e6, error: 'busy.' }), /\. busy; it goes on/);
});
