// Saving what the daemon has. A model file may have gigabytes and must not go through memory: without a token the
// browser fetches it itself by a link, with a token, which a link cannot send, the answer is written to the file that
// the reader chose, where the browser can do that.

import {h} from './dom.js';
import * as api from './api.js';
import {bytes} from './format.js';

/** What may go through memory where there is no other way. */
const MEMORY_LIMIT = 500e6;

function follow(href, name) {
  const link = h('a', {href, download: name});
  document.body.append(link);
  link.click();
  link.remove();
}

/** Have the browser save `blob` under this name. */
export function save(blob, name) {
  const href = URL.createObjectURL(blob);
  follow(href, name);
  setTimeout(() => URL.revokeObjectURL(href), 10000);
}

/** A series as a file, `accept` being its media type. */
export async function downloadSeries(id, kind, accept, name) {
  await downloadAs(api.seriesPath(id, kind), accept, name);
}

/** What the daemon makes for this media type, saved as a file. */
export async function downloadAs(path, accept, name) {
  save(await (await api.open(path, {accept})).blob(), name);
}

/** A file of `size` bytes at this address. Fails with what the daemon says, or where it cannot be saved from here. */
export async function downloadFile(path, size, name) {
  if (!api.isGuarded()) {
    // The browser says nothing of why a link failed.
    await api.open(path, {method: 'HEAD'}).catch(() => api.open(path).then((response) => response.body.cancel()));
    follow(path, name);
    return;
  }
  if (globalThis.showSaveFilePicker) {
    const file = await showSaveFilePicker({suggestedName: name}).catch(() => null);
    if (!file) return;
    const response = await api.open(path);
    await response.body.pipeTo(await file.createWritable());
    return;
  }
  if (size > MEMORY_LIMIT)
    throw new Error(`This browser cannot save a file of ${bytes(size)} that needs a token. From a shell: ${api.curl('GET', path)} -o ${name}`);
  save(await (await api.open(path)).blob(), name);
}

/** The model file of a checkpoint. */
export const downloadCheckpoint = (id, checkpoint, name) => downloadFile(api.checkpointPath(id, checkpoint.id), checkpoint.bytes, name);
