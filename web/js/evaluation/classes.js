// Precision, recall and F1 of each class as bars.

import {h, scroller, setText} from '../dom.js';
import {grouped, percent} from '../format.js';
import {Table} from '../keyed.js';

const measured = (key, title) => ({title, class: 'num', make: () => {
  const meter = h('meter', {min: 0, max: 1}), text = h('span');
  return {element: h('span', {class: 'measured'}, meter, text), update: (c) => {
    meter.value = c[key];
    meter.setAttribute('aria-label', title);
    setText(text, percent(c[key]));
  }};
}});

/** {element, set(classes)}. */
export function classesTable() {
  const order = h('select', {id: 'class-order', onchange: () => show()}, [['label', 'as in the data set'], ['f1', 'lowest F1 first'], ['support', 'most examples first']].map(([value, text]) => h('option', {value}, text)));
  const table = new Table({caption: 'Each class', captionHidden: true, className: 'classes', keyOf: (c) => c.label,
    columns: [{title: 'Class', text: (c) => c.name, rowHeading: true, class: 'name'}, {title: 'Examples', text: (c) => grouped(c.support), class: 'num'},
      measured('precision', 'Precision'), measured('recall', 'Recall'), measured('f1', 'F1')]});
  const holder = scroller('Each class', 'tall');
  holder.append(table.element);
  let all = [];
  function show() {
    const by = {label: (a, b) => a.label - b.label, f1: (a, b) => a.f1 - b.f1, support: (a, b) => b.support - a.support}[order.value];
    table.set([...all].sort(by));
  }
  return {element: h('div', {}, h('div', {class: 'controls'}, h('label', {for: 'class-order'}, 'Order'), order), holder), set(classes) {
    all = classes.map((c, label) => ({...c, label}));
    show();
  }};
}
