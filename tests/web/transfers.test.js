// What is said of a file on its way to the daemon, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './modules.js';

globalThis.sessionStorage = { getItem: () => null, setItem() {} };
globalThis.BroadcastChannel = class extends EventTarget { postMessage() {} };
globalThis.addEventListener = globalThis.removeEventListener = () => {};
const { Upload } = await load('upload.js');
const { statusText } = await load('views/datasets/transfer_list.js');

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

test('what left before a pause and did not come is sent again', async () => {
  const offsets = [];
  globalThis.fetch = async () => new Response(null, { headers: { 'Upload-Offset': '0' } });
  globalThis.XMLHttpRequest = class {
    upload = {};
    status = 204;
    open() {}
    setRequestHeader(name, value) { if (name === 'Upload-Offset') offsets.push(value); }
    getResponseHeader() { return '6'; }
    abort() { this.onabort(); }
    // The first time all bytes leave and no answer comes.
    send() { setTimeout(() => (offsets.length > 1 ? this.onload() : this.upload.onprogress({ loaded: 6 }))); }
  };
  let left;
  const moved = new Promise((resolve) => { left = resolve; });
  const upload = new Upload(new Blob(['abcdef']), () => { if (upload.sent === 6) left(); });
  upload.id = 'up_1';
  const finished = upload.finish();
  await moved;
  upload.pause();
  await new Promise((resolve) => { setTimeout(resolve, 10); });
  upload.goOn();
  assert.equal(await finished, true);
  assert.deepEqual(offsets, ['0', '0']);
});
