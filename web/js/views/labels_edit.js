// Renaming things and editing their metadata: only the difference is sent, and only if nobody else has changed either meanwhile.

import {h, setText} from '../dom.js';
import {openDialog} from '../dialog.js';
import {isolated} from '../format.js';
import {mergePatch} from '../merge_patch.js';

const TRIES = 5;  // of what goes on by itself many times a second

/** Rows of a key and a value each, one empty row at the end: {element, value()}. */
export function metadataRows(metadata) {
  const holder = h('div', {class: 'metadata'});
  const add = (key = '', value = '') => {
    const row = h('div', {class: 'pair-of'},
      h('input', {type: 'text', 'aria-label': 'Key', placeholder: 'key', value: key}),
      h('input', {type: 'text', 'aria-label': 'Value', placeholder: 'value', value}));
    row.addEventListener('input', () => { if (row === holder.lastChild) add(); });
    holder.append(row);
  };
  Object.entries(metadata).forEach(([key, value]) => add(key, value));
  add();
  return {element: holder, value: () => Object.fromEntries([...holder.children].map((row) => [...row.children].map((i) => i.value)).filter(([key]) => key !== ''))};
}

const same = (a, b) => a.name === b.name && Object.keys(mergePatch(a.metadata ?? {}, b.metadata ?? {})).length === 0;

/**
 * Send the patch if name and metadata are still those of `thing`, whatever else has gone on with it, such as its progress.
 * The tag covers that too: where progress is faster than the line no tag holds, and in the end it is sent without one.
 */
export async function sendLabels({read, change}, thing, etag, patch) {
  for (let tag = etag, tries = TRIES; ; tries--) {
    try {
      return await change(patch, tag);
    } catch (error) {
      if (error.status !== 412 || tag === null) throw error;
      const now = await read();
      if (!same(now.thing, thing)) throw new Error('It was changed elsewhere meanwhile. Close this, look at it again, then edit it.', {cause: error});
      tag = tries > 0 ? now.etag : null;
    }
  }
}

/**
 * `labels` is one of api.labels; done(thing) is called with what has come of it. Without `named` only the metadata are
 * edited. A reader who has gone to another page before the answer came is asked nothing.
 */
export async function editLabels(labels, done, named = true) {
  const page = location.hash;
  const {thing, etag} = await labels.read();
  if (location.hash !== page) return;
  const name = h('input', {type: 'text', id: 'edit-name', value: thing.name, autocomplete: 'off'});
  const metadata = metadataRows(thing.metadata ?? {});
  openDialog({
    title: named ? 'Name and metadata' : 'Metadata',
    content: [...(named ? [h('p', {}, h('label', {for: 'edit-name'}, 'Name'), name)] : []), h('p', {}, 'Metadata: an empty key removes its row.'), metadata.element],
    actions: [{label: 'Save', class: 'primary', run: async () => {
      const patch = named ? mergePatch({name: thing.name}, {name: name.value}) : {};
      const changes = mergePatch(thing.metadata ?? {}, metadata.value());
      if (Object.keys(changes).length) patch.metadata = changes;
      if (!Object.keys(patch).length) return;
      done(await sendLabels(labels, thing, etag, patch));
    }}],
  });
}

/** What was noted of something: {element, set(metadata)}. */
export function notes() {
  const element = h('p', {class: 'family', hidden: true});
  return {element, set(metadata) {
    const entries = Object.entries(metadata ?? {});
    element.hidden = entries.length === 0;
    setText(element, entries.map(([key, value]) => `${isolated(key)}: ${isolated(value)}`).join(' · '));
  }};
}
