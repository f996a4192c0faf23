// The classes of a data set as bars: training and test pictures of each.

import {h, scroller, setAttribute, setText, svg} from '../../dom.js';
import {grouped, NONE, number, percent} from '../../format.js';
import {finder} from '../../finder.js';
import {Table} from '../../keyed.js';
import {pager} from './pager.js';

const ROWS = 200;

/** Two parts of a bar, of the longest one's length. */
function bar() {
  const parts = ['train', 'test'].map((part) => svg('rect', {class: part, y: 0, height: 1}));
  const element = svg('svg', {class: 'bars', viewBox: '0 0 1000 1', preserveAspectRatio: 'none', 'aria-hidden': 'true'}, parts);
  return {element, update({train, test, most}) {
    const scale = most ? 1000 / most : 0;
    setAttribute(parts[0], 'x', '0');
    setAttribute(parts[0], 'width', String(train * scale));
    setAttribute(parts[1], 'x', String(train * scale));
    setAttribute(parts[1], 'width', String(test * scale));
  }};
}

const ORDERS = {label: ['as in the set', (a, b) => a.label - b.label], most: ['most pictures first', (a, b) => b.all - a.all || a.label - b.label],
  fewest: ['fewest pictures first', (a, b) => a.all - b.all || a.label - b.label]};

/** {element, show(set, imbalance)}; `look` is called with the name of a class whose pictures are wanted. */
export function classesSection(look) {
  const order = h('select', {id: 'order', onchange: () => show()}, Object.entries(ORDERS).map(([value, [text]]) => h('option', {value}, text)));
  const input = h('input', {type: 'search', id: 'find-class', placeholder: 'name', oninput: () => (pages.reset(), show())});
  const name = (item) => {
    const button = h('button', {type: 'button', class: 'link', title: `Pictures of ${item.name}`, onclick: () => look(item.name)}, item.name);
    return {element: button};
  };
  const table = new Table({caption: 'Training pictures dark, test pictures light', className: 'classes', keyOf: (c) => c.label, columns: [
    {title: 'Class', make: name, rowHeading: true, class: 'name'},
    {title: 'Pictures', make: bar, class: 'wide'},
    {title: 'Training', text: (c) => (c.known ? grouped(c.train) : NONE), class: 'num'},
    {title: 'Test', text: (c) => (c.known ? grouped(c.test) : NONE), class: 'num'},
    {title: 'Share', text: (c) => (c.known && c.total ? percent(c.all / c.total) : NONE), class: 'num'}]});
  const list = scroller('Classes', 'tall');
  list.append(table.element);
  const pages = pager(ROWS, () => show());
  const said = h('p', {class: 'hint'});
  const element = h('section', {}, h('h2', {}, 'Classes'), h('p', {class: 'controls'},
    h('span', {class: 'pair-of'}, h('label', {for: 'order'}, 'Order'), order),
    h('span', {class: 'pair-of'}, h('label', {for: 'find-class'}, 'Search'), input)), said, list, pages.element);
  let classes = [];

  function show() {
    const found = classes.filter(finder(input.value, (c) => c.name)).sort(ORDERS[order.value][1]);
    const [from, to] = pages.range(found.length);
    table.set(found.slice(from, to));
    list.hidden = found.length === 0;
  }
  return {element, show(set, imbalance) {
    // Nobody has counted those of a known set: its names stand alone.
    table.element.classList.toggle('uncounted', set.classes.every((c) => c.train === null));
    const rows = set.classes.map((c, label) => ({...c, label, known: c.train !== null, train: c.train ?? 0, test: c.test ?? 0, all: (c.train ?? 0) + (c.test ?? 0)}));
    const most = rows.reduce((n, c) => Math.max(n, c.all), 0), total = rows.reduce((n, c) => n + c.all, 0);
    classes = rows.map((c) => ({...c, most, total}));
    setText(said, `${grouped(rows.length)} ${rows.length === 1 ? 'class' : 'classes'}${imbalance?.ratio > 1 ? `; the largest has ${number(imbalance.ratio, 3)} training pictures for each one of the smallest` : ''}.`);
    show();
  }};
}
