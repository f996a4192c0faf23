// All data sets, those that people brought and those that the program knows; and files that are on their way.

import {h, scroller, setAttribute, setText} from '../../dom.js';
import {droppedFile} from '../../tar.js';
import {bytes, grouped, NONE, shortTime} from '../../format.js';
import {finder} from '../../finder.js';
import {Table} from '../../keyed.js';
import {isOwn} from '../../known/sets.js';
import {dropZone} from '../drop.js';
import {classCount, imageText, pictureCount, setBadge, setProgress, title} from './set_words.js';
import {transferList} from './transfer_list.js';

function nameCell() {
  const link = h('a');
  return {element: link, update(set) {
    setAttribute(link, 'href', `#/datasets/${set.id}`);
    setAttribute(link, 'title', title(set));
    setText(link, title(set));
  }};
}

function statusCell() {
  const badge = setBadge(), progress = setProgress();
  return {element: h('span', {class: 'tools'}, badge.element, progress.element), update(set) {
    badge.update(set);
    progress.update(set);
  }};
}

const COLUMNS = [
  {title: 'Name', make: nameCell, rowHeading: true, class: 'name'},
  {title: 'Status', make: statusCell},
  {title: 'Pictures', text: pictureCount, class: 'num'},
  {title: 'Classes', text: classCount, class: 'num'},
  {title: 'Left out', text: (s) => (isOwn(s) && s.status === 'ready' ? grouped(s.counts.left_out) : NONE), class: 'num'},
  {title: 'Each picture', text: (s) => imageText(s.image)},
  {title: 'Size', text: (s) => bytes(s.bytes || null), class: 'num'},
  {title: 'Created', text: (s) => shortTime(s.created_at), class: 'num'},
];

export function datasetsView(context) {
  const {state, setTitle} = context;
  state.sets.want();
  const input = h('input', {type: 'search', id: 'find', placeholder: 'name', oninput: () => update()});
  const table = new Table({caption: 'Data sets', captionHidden: true, className: 'runs sets', keyOf: (s) => s.id, columns: COLUMNS, attributes: (s) => ({'data-id': s.id})});
  const list = scroller('Data sets');
  list.append(table.element);
  const add = h('a', {class: 'button primary', href: '#/datasets/new'}, 'New data set');
  const zone = dropZone((file, entries) => {
    context.dropped = droppedFile(file, entries);
    context.dropped.catch(() => {});
    location.hash = '#/datasets/new';
  });
  const transfers = transferList(context);
  const rest = h('p', {class: 'empty'});
  const fault = h('p', {class: 'fault', role: 'alert'});
  zone.element.append(h('div', {class: 'bar'}, h('h1', {}, 'Data sets'),
    h('span', {class: 'pair-of'}, h('label', {for: 'find'}, 'Search'), input), add), fault, transfers.element, list, rest);

  function update() {
    const {sets} = state;
    const found = sets.all.filter(finder(input.value, (s) => `${title(s)} ${s.name} ${s.id}`));
    setTitle('Data sets');
    setText(fault, sets.error ? `The data sets could not be read: ${sets.error}` : '');
    setAttribute(add, 'aria-disabled', state.mayWrite ? null : 'true');
    table.set(found);
    list.hidden = found.length === 0;
    setText(rest, !sets.loaded ? 'Reading …' : found.length === 0 ? 'No data set is like that.'
      : sets.all.some(isOwn) ? '' : 'These came with the program. Bring your own: drop a folder, zip or tar of pictures here, or choose “New data set”.');
    transfers.update();
  }
  return {element: zone.element, update, destroy: zone.destroy};
}
