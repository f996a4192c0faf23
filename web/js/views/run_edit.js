// Renaming a run and editing its metadata: only the difference is sent, and only if nobody changed the run meanwhile.

import * as api from '../api.js';
import {h} from '../dom.js';
import {openDialog} from '../dialog.js';

/** RFC 7396: what makes `before` into `after`. */
export function mergePatch(before, after) {
  const patch = {};
  for (const key of Object.keys(before)) if (!(key in after)) patch[key] = null;
  for (const [key, value] of Object.entries(after)) if (before[key] !== value) patch[key] = value;
  return patch;
}

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

export async function editRun(id, done) {
  const {job, etag} = await api.getTagged(id);
  const name = h('input', {type: 'text', id: 'edit-name', value: job.name, autocomplete: 'off'});
  const metadata = metadataRows(job.metadata ?? {});
  openDialog({
    title: 'Name and metadata',
    content: [h('p', {}, h('label', {for: 'edit-name'}, 'Name'), name), h('p', {}, 'Metadata: an empty key removes its row.'), metadata.element],
    actions: [{label: 'Save', class: 'primary', run: async () => {
      const patch = mergePatch({name: job.name}, {name: name.value});
      const changes = mergePatch(job.metadata ?? {}, metadata.value());
      if (Object.keys(changes).length) patch.metadata = changes;
      try {
        if (Object.keys(patch).length) done(await api.change(id, patch, etag));
      } catch (error) {
        if (error.status !== 412) throw error;
        throw new Error('This run was changed elsewhere meanwhile. Close this, look at it again, then edit it.');
      }
    }}],
  });
}
