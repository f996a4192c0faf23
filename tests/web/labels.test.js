// How name and metadata are sent, without a browser: the tag of a thing that goes on is old when it arrives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './modules.js';

globalThis.sessionStorage = { getItem: () => null, setItem() {} };
globalThis.BroadcastChannel = class extends EventTarget { postMessage() {} };
const { sendLabels } = await load('views/labels_edit.js');
const { mergePatch } = await load('merge_patch.js');

/** Labels of a run that makes a step while each request is under way; `sent` holds the tags of the patches. */
function running(thing) {
  const sent = [];
  let step = 0;
  return { sent, thing, labels: {
    read: async () => ({ thing: { ...thing }, etag: `"${++step}"` }),
    change: async (patch, tag) => {
      sent.push(tag);
      if (tag !== null && tag !== `"${++step}"`) throw Object.assign(new Error('changed'), { status: 412 });
      return Object.assign(thing, patch);
    },
  } };
}

test('a run is renamed although each tag is old when it arrives', async () => {
  const { labels, sent } = running({ name: 'old', metadata: { a: 'b' } });
  const { thing, etag } = await labels.read();
  assert.equal((await sendLabels(labels, thing, etag, { name: 'new' })).name, 'new');
  assert.deepEqual(sent, ['"1"', '"3"', '"5"', '"7"', '"9"', '"11"', null]);
});

test('what another changed meanwhile is not overwritten, however often it was tried', async () => {
  for (const change of [{ name: 'theirs' }, { metadata: { a: 'c' } }]) {
    for (const after of [1, 6]) {
      const { labels, sent, thing: now } = running({ name: 'old', metadata: { a: 'b' } });
      const { thing, etag } = await labels.read();
      const read = async () => {
        if (sent.length === after) Object.assign(now, change);
        return labels.read();
      };
      await assert.rejects(sendLabels({ ...labels, read }, thing, etag, { name: 'mine' }), /changed elsewhere/);
      assert.deepEqual([sent.length, now.name], [after, change.name ?? 'old']);
    }
  }
});

test('an answer that is no question of tags is passed on', async () => {
  const refused = Object.assign(new Error('no'), { status: 400 });
  await assert.rejects(sendLabels({ change: async () => { throw refused; } }, { name: '' }, '"1"', { name: 'x' }), refused);
});

test('a merge patch says what is new, what is other and what is gone', () => {
  const cases = [
    [{ a: 1 }, { a: 1 }, {}],
    [{ a: 1, b: 2 }, { a: 3 }, { b: null, a: 3 }],
    [{}, { a: [1, 2] }, { a: [1, 2] }],
    [{ a: [1, 2] }, { a: [1, 2] }, {}],
    [{ a: [1, 2] }, { a: [2, 1] }, { a: [2, 1] }],
    [{ a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, { a: { c: 3 } }],
    [{ a: { b: 1 } }, { a: {} }, { a: { b: null } }],
    [{ a: null }, { a: { b: 1 } }, { a: { b: 1 } }],
  ];
  for (const [before, after, patch] of cases) assert.deepEqual(mergePatch(before, after), patch);
});
