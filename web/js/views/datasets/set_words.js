// What is so with a data set, in words.

import {grouped, NONE} from '../../format.js';
import {h, setAttribute, setText} from '../../dom.js';

export const title = (set) => set.title || set.name;

const FITS = {crop: 'middle cut out', pad: 'with black bars', stretch: 'stretched'};
export const imageText = ({channels, size, fit}) =>
  `${size} × ${size}, ${channels === 1 ? 'grey' : channels === 3 ? 'colour' : `${channels} channels`}${fit ? `, ${FITS[fit] ?? fit}` : ''}`;

export const layoutText = (layout) => ({class_folders: 'a folder per class', split_folders: 'train and test folders', table: 'a table of files and labels', idx: 'files like MNIST’s'}[layout] ?? layout.replaceAll('_', ' '));

export function sourceText({source}) {
  if (!source) return 'no content yet';
  if (source.kind === 'folder') return `the folder ${source.folder}`;
  if (source.kind === 'known') return `known, in ${source.folder}`;
  return 'an upload';
}

/** Where it is something else than a failure. */
const ENDS = {cancelled: ['cancelled', 'stopped', 'It was cancelled'], files_missing: ['not installed', '', 'Its files are not there']};
export const statusText = (set) => ENDS[set.error?.code]?.[0] ?? set.status;
export const errorText = ({error}) => (error ? `${ENDS[error.code]?.[2] ?? 'The import failed'}: ${error.message.replace(/\.$/, '')}.` : '');
export const classCount = (set) => (set.classes.length ? grouped(set.classes.length) : NONE);
export const pictureCount = (set) => (set.status === 'ready' ? grouped(set.counts.train + set.counts.test) : NONE);

/** {element, update(set)} */
export function setBadge() {
  const element = h('span', {class: 'badge'});
  return {element, update(set) {
    setAttribute(element, 'class', `badge ${{importing: 'running', ready: 'succeeded', failed: ENDS[set.error?.code]?.[1] ?? 'failed'}[set.status] ?? ''}`);
    setAttribute(element, 'title', set.error?.message ?? null);
    setText(element, statusText(set));
  }};
}

/** How far an import is: {element, update(set)} */
export function setProgress() {
  const bar = h('progress', {max: 1, value: 0});
  const text = h('span');
  const element = h('span', {class: 'progress'}, bar, text);
  return {element, update(set) {
    const {done, total} = set.progress;
    element.hidden = set.status !== 'importing';
    setAttribute(bar, 'aria-label', `Import of ${title(set)}`);
    const share = total ? done / total : 0;
    if (bar.value !== share) bar.value = share;
    setText(text, total ? `${grouped(done)} of ${grouped(total)}` : 'waiting, or reading the list of files');
  }};
}
