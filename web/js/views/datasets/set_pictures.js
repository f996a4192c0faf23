// Pictures of a data set by class and split, a page at a time.

import * as api from '../../api.js';
import {actionButton, h, setText, setUsable} from '../../dom.js';
import {enlarge} from '../../enlarge.js';
import {grouped} from '../../format.js';
import {picture} from '../../pictures.js';
import {Reading} from '../../reading.js';

const PAGE = 60;

const place = ({split, class: name, n}) => `${name}, ${split}, picture ${n}`;

const show = (set, item) => enlarge(set.id, item.n, {title: item.class, label: place(item), file: item.file ?? null,
  notes: [`${item.split === 'train' ? 'Trained on' : 'Kept for the test'}, picture ${item.n} of the set`]});

/** One picture with what is said below it; pressed, it is shown larger. */
export function pictureTile(set, item, ...below) {
  return h('li', {class: 'tile'},
    h('button', {type: 'button', class: 'thumb', title: item.file ?? place(item), onclick: () => show(set, item)}, picture(set.id, item.n, place(item))),
    below.map((line) => h('span', {class: 'line', title: line}, line)));
}

/** {element, show(set), update(state), choose({class, split})}; `remember` is called with what is looked at when the reader chooses. */
export function picturesSection(remember) {
  const classes = h('select', {id: 'class', onchange: () => look()});
  const splits = h('select', {id: 'split', onchange: () => look()},
    [['', 'all'], ['train', 'training'], ['test', 'test']].map(([value, text]) => h('option', {value}, text)));
  const grid = h('ul', {class: 'tiles'});
  const where = h('span', {role: 'status'});
  const back = actionButton('Previous', () => { cursors.pop(); return reading.ask(); }, {class: 'quiet'});
  const on = actionButton('Next', () => { cursors.push(last); return reading.ask(); }, {class: 'quiet'});
  const pager = h('p', {class: 'tools pager'}, back, on, where);
  const fault = h('p', {class: 'fault', role: 'alert'});
  const element = h('section', {}, h('h2', {id: 'pictures'}, 'Pictures'), h('p', {class: 'controls'},
    h('span', {class: 'pair-of'}, h('label', {for: 'class'}, 'Class'), classes),
    h('span', {class: 'pair-of'}, h('label', {for: 'split'}, 'Split'), splits)), fault, grid, pager);
  let set = null, cursors = [], last = null;

  /** How many there are to see, where the set says so. */
  function total() {
    const chosen = classes.value === '' ? set.classes : [set.classes[Number(classes.value)]];
    const sum = (key) => (classes.value === '' ? set.counts[key] : chosen.reduce((n, c) => n + (c[key] ?? NaN), 0));
    return splits.value ? sum(splits.value) : sum('train') + sum('test');
  }

  const chosenClass = () => (classes.value === '' ? null : set.classes[Number(classes.value)].name);
  const reading = new Reading({
    read: () => api.pictures(set.id, {class: chosenClass(), split: splits.value || null, after: cursors.at(-1) ?? null, limit: PAGE}),
    take: showPage, fail: (error) => setText(fault, `The pictures could not be read: ${error.message}`)});

  function showPage(page) {
    setText(fault, '');
    last = page.last_id;
    grid.replaceChildren(...page.data.map((p) => pictureTile(set, p, ...(chosenClass() === null ? [p.class] : []), ...(splits.value ? [] : [p.split]))));
    const first = cursors.length * PAGE, all = total();
    setUsable(back, cursors.length > 0);
    setUsable(on, page.has_more);
    back.hidden = on.hidden = cursors.length === 0 && !page.has_more;
    setText(where, page.data.length === 0 ? 'There is none.'
      : `${grouped(first + 1)} to ${grouped(first + page.data.length)}${Number.isFinite(all) ? ` of ${grouped(all)}` : ''}`);
  }

  function look() {
    cursors = [];
    remember({class: chosenClass() ?? '', split: splits.value});
    reading.ask();
  }

  function choose({class: name, split}) {
    const index = set.classes.findIndex((c) => c.name === name);
    classes.value = index < 0 ? '' : String(index);
    splits.value = ['train', 'test'].includes(split) ? split : '';
  }
  return {element, show(next, wanted) {
    set = next;
    // By number: a class may be called anything.
    classes.replaceChildren(h('option', {value: ''}, 'all'), ...set.classes.map((c, i) => h('option', {value: String(i)}, c.name)));
    choose(wanted);
    reading.ask();
  }, update: (state) => reading.update(state), choose(wanted) {
    choose(wanted);
    look();
    element.scrollIntoView();
    classes.focus({preventScroll: true});
  }};
}
