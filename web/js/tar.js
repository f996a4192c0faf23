// A folder as one file: a tar archive of which the files themselves are parts, so that they are read as they are sent
// and never held in memory. The same files make the same bytes: an upload that broke can go on after a reload.

import {counted} from './format.js';

const BLOCK = 512;
const NAME = 100;           // bytes of a name in a header
const LARGE = 8 ** 11;      // bytes of a file that a header has no room to tell
const encode = (text) => new TextEncoder().encode(text);

function header(name, size, type) {
  const block = new Uint8Array(BLOCK);
  const put = (at, text) => block.set(encode(text), at);
  put(0, name);
  put(100, '0000644\0');
  for (const at of [108, 116]) put(at, '0000000\0');
  put(124, `${Math.min(size, LARGE - 1).toString(8).padStart(11, '0')}\0`);
  put(136, '00000000000\0');
  put(148, '        ');
  put(156, type);
  put(257, 'ustar\x0000');
  put(148, `${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** "21 path=shirts/1.png\n": the number is the record's length in bytes, its own digits among them. */
function record(key, value) {
  const rest = encode(` ${key}=${value}\n`).length;
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

const padding = (size) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

/** The parts of an archive that belong to a file; where a plain header has no room, one in pax format goes before it. */
function entry(path, file) {
  const plain = /^[\x20-\x7e]*$/.test(path) && path.length <= NAME;
  const more = encode(`${plain ? '' : record('path', path)}${file.size < LARGE ? '' : record('size', file.size)}`);
  return [...(more.length ? [header('pax', more.length, 'x'), more, padding(more.length)] : []),
    header(plain ? path : 'pax', file.size, '0'), file, padding(file.size)];
}

/** files: [{path, file}] -> a File. */
function tarOf(name, files) {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const newest = sorted.reduce((time, {file}) => Math.max(time, file.lastModified), 0);
  return new File([...sorted.flatMap(({path, file}) => entry(path, file)), new Uint8Array(2 * BLOCK)], `${name}.tar`, {lastModified: newest});
}

const fileOf = (leaf) => new Promise((resolve, reject) => { leaf.file(resolve, reject); });
/** A reader gives a folder in portions, an empty one at the end. */
async function children(folder) {
  const reader = folder.createReader(), all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (some.length === 0) return all;
    all.push(...some);
  }
}

/** What was dropped, folders with all that is in them: [{path, file}]. */
async function filesOf(entries) {
  const found = await Promise.all(entries.map(async (item) => (item.isDirectory ? filesOf(await children(item)) : [{path: item.fullPath.slice(1), file: await fileOf(item)}])));
  return found.flat();
}

/** A folder's files as one: {file, about}; fails where there is none. */
function asOne(name, files) {
  if (files.length === 0) throw new Error('There is no file in it.');
  return {file: tarOf(name, files), about: `${name}, ${counted(files.length, 'file')}`};
}

/** The one file that was dropped, or folders and several files packed: a promise of {file, about}. */
export async function droppedFile(file, entries) {
  if (entries.length < 2 && !entries[0]?.isDirectory) return {file, about: file.name};
  return asOne(entries.length === 1 ? entries[0].name : 'pictures', await filesOf(entries));
}

/** A folder that was chosen: files that know their paths. */
export function chosenFolder(files) {
  const list = [...files].map((file) => ({path: file.webkitRelativePath || file.name, file}));
  return asOne(list[0]?.path.split('/')[0] ?? '', list);
}
