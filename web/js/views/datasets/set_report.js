// What the import of a data set found: files that were left out, duplicates, pictures of one colour.

import {h, scroller, setAttribute, setText} from '../../dom.js';
import {counted, grouped} from '../../format.js';
import {finder} from '../../finder.js';
import {Table} from '../../keyed.js';
import {pager} from './pager.js';
import {pictureTile} from './set_pictures.js';

const ROWS = 100;
const GROUPS = 10;
const MEMBERS = 12;  // of a group, before all are asked for

const REASONS = {
  picture_empty: 'Empty files', picture_unknown: 'No pictures', picture_format: 'Pictures of another format', picture_animated: 'Animations', picture_too_large: 'Too large',
  picture_truncated: 'Cut off', picture_damaged: 'Damaged', decoder_died: 'Broke the decoder', decoder_timeout: 'Took too long', link: 'Links', system_file: 'Files of systems', hidden: 'Hidden files',
};
const reasonText = (code) => REASONS[code] ?? code.replaceAll('_', ' ').replace(/^./, (c) => c.toUpperCase());

/** The number of a picture of the report in the set. */
const numberOf = (set, {split, index}) => (split === 'train' ? index : set.counts.train + index);
/** Of many files with long paths only the ends differ; the whole of it is the picture's title. */
const fileName = ({path}) => path.split('/').at(-1);
const itemOf = (set, p) => ({...p, n: numberOf(set, p), class: set.classes[p.label]?.name ?? String(p.label), file: p.path});

export function leftOutSection() {
  const input = h('input', {type: 'search', id: 'find-file', placeholder: 'path or reason', oninput: () => (pages.reset(), show())});
  const select = h('select', {id: 'reason', onchange: () => (pages.reset(), show())});
  const table = new Table({caption: 'Files that are not in the set, by path', className: 'files', keyOf: (f) => f.key, columns: [
    {title: 'File', text: (f) => f.path, rowHeading: true, class: 'file'}, {title: 'Why', text: (f) => f.reason}]});
  const list = scroller('Files left out', 'tall');
  list.append(table.element);
  const pages = pager(ROWS, () => show());
  const none = h('p', {class: 'empty'});
  const controls = h('p', {class: 'controls'}, h('span', {class: 'pair-of'}, h('label', {for: 'reason'}, 'Reason'), select),
    h('span', {class: 'pair-of'}, h('label', {for: 'find-file'}, 'Search'), input));
  const element = h('section', {}, h('h2', {}, 'Files left out'), controls, list, pages.element, none);
  let files = [];

  function show() {
    const sought = finder(input.value, (f) => `${f.path} ${f.reason}`);
    const found = files.filter((f) => (!select.value || f.code === select.value) && sought(f));
    const [from, to] = pages.range(found.length);
    table.set(found.slice(from, to));
    list.hidden = found.length === 0;
    controls.hidden = files.length === 0;
    setText(none, files.length === 0 ? 'None: every file is in the set.' : found.length === 0 ? 'No file is like that.' : '');
  }
  return {element, show({left_out: left, reasons}) {
    files = left.map((f, key) => ({...f, key}));
    select.replaceChildren(h('option', {value: ''}, `all, ${grouped(files.length)}`),
      ...Object.entries(reasons).map(([code, count]) => h('option', {value: code}, `${reasonText(code)}, ${grouped(count)}`)));
    show();
  }};
}

/** Pictures side by side, the first of many with a button for all. */
function tiles(set, pictures, below) {
  const list = h('ul', {class: 'tiles'});
  const more = h('button', {type: 'button', class: 'quiet', hidden: pictures.length <= MEMBERS, onclick: () => {
    list.append(...pictures.slice(MEMBERS).map(tile));
    more.remove();
  }}, `Show all ${grouped(pictures.length)}`);
  const tile = (p) => pictureTile(set, itemOf(set, p), ...below(itemOf(set, p)));
  list.append(...pictures.slice(0, MEMBERS).map(tile));
  return [list, more];
}

function group(set, g) {
  return h('li', {class: 'group'}, h('p', {class: 'tools'},
    h('strong', {}, `${grouped(g.pictures.length)} ${g.kind === 'exact' ? 'equal' : 'alike'}`),
    g.across_splits && h('span', {class: 'badge failed'}, 'in training and in test'),
    g.different_labels && h('span', {class: 'badge stopped'}, 'different classes')),
  tiles(set, g.pictures, (p) => [p.class, p.split === 'train' ? 'training' : 'test', fileName(p)]));
}

export function duplicatesSection() {
  const said = h('p', {class: 'hint'});
  const list = h('ol', {class: 'dupes'});
  const select = h('select', {id: 'kind', onchange: () => (pages.reset(), show())},
    [['', 'all'], ['across', 'in training and in test'], ['labels', 'of different classes'], ['exact', 'equal'], ['near', 'alike']].map(([value, text]) => h('option', {value}, text)));
  const controls = h('p', {class: 'controls'}, h('span', {class: 'pair-of'}, h('label', {for: 'kind'}, 'Show'), select));
  const pages = pager(GROUPS, () => show());
  const element = h('section', {}, h('h2', {}, 'Duplicates'), said, controls, list, pages.element);
  const wanted = {'': () => true, across: (g) => g.across_splits, labels: (g) => g.different_labels, exact: (g) => g.kind === 'exact', near: (g) => g.kind === 'near'};
  let set = null, groups = [];

  function show() {
    const found = groups.filter(wanted[select.value]);
    const [from, to] = pages.range(found.length);
    setAttribute(list, 'start', String(from + 1));
    list.replaceChildren(...found.slice(from, to).map((g) => group(set, g)));
    controls.hidden = groups.length === 0;
    if (groups.length && !found.length) list.replaceChildren(h('li', {class: 'empty'}, 'No group is like that.'));
  }
  return {element, show(next, {duplicates}) {
    set = next;
    groups = duplicates.groups;
    const {exact, near, complete} = duplicates;
    setText(said, groups.length === 0 ? 'None: no two pictures are alike.'
      : `${counted(exact.groups, 'group')} of equal pictures, ${counted(near.groups, 'group')} of pictures that look alike; those in training and in test come first.${complete ? '' : ' The search was cut short: there are more.'}`);
    show();
  }};
}

export function oneColourSection() {
  const holder = h('div');
  const element = h('section', {hidden: true}, h('h2', {}, 'Pictures of one colour'), holder);
  return {element, show(set, {one_colour: pictures}) {
    element.hidden = pictures.length === 0;
    holder.replaceChildren(...tiles(set, pictures, (p) => [p.class, fileName(p)]).flat());
  }};
}
