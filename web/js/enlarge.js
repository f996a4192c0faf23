// One picture of a data set, large, with the file that it came from.

import * as api from './api.js';
import {h, setText} from './dom.js';
import {openDialog} from './dialog.js';
import {picture} from './pictures.js';

const LARGE = 1024;

/** Show picture `n`; `file` is its path in the source, undefined where that is to be asked. */
export function enlarge(set, n, {title, label, file, notes}) {
  const path = h('p', {class: 'file'}, file ?? '');
  openDialog({title, actions: [], content: [h('p', {class: 'large'}, picture(set, n, label, {most: LARGE})), path, notes.map((note) => h('p', {class: 'hint'}, note))]});
  if (file === undefined) api.pictureAbout(set, n).then((about) => setText(path, about.file ?? ''), () => {});
}
