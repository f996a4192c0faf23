// Precision, recall and F1 of each class as bars.

import {h, scroller, setText} from '../dom.js';
import {grouped, isolated, NONE, percent} from '../format.js';
import {Table} from '../keyed.js';

const NAMED = 5;  // classes without examples; of further ones it is told how many

/** What there is to divide by; where that is nothing the daemon answers 0, which would look like a measurement here. */
const BASES = {precision: (c) => c.guessed, recall: (c) => c.support, f1: (c) => c.guessed + c.support};
const isKnown = (c, key) => BASES[key](c) > 0;

const measured = (key, title) => ({title, class: 'num', make: () => {
  const meter = h('meter', {min: 0, max: 1, 'aria-label': title}), text = h('span');
  return {element: h('span', {class: 'measured'}, meter, text), update: (c) => {
    meter.hidden = !isKnown(c, key);
    meter.value = c[key];
    setText(text, isKnown(c, key) ? percent(c[key]) : NONE);
  }};
}});

/** Which classes were not put to the test, and what that does to the mean. */
function untested(classes, split) {
  const names = classes.filter((c) => c.support === 0).map((c) => isolated(c.name));
  if (names.length === 0) return '';
  const listed = names.length > NAMED ? `${names.slice(0, NAMED).join(', ')} and ${grouped(names.length - NAMED)} more` : names.join(', ');
  return `Without ${split} examples, so that nothing is known of how well they are found: ${listed}. The macro F1 leaves out those that no picture was taken for either.`;
}

/** {element, set(classes, split)}: the classes of an evaluation's figures, and the examples they were measured on. */
export function classesTable() {
  const order = h('select', {id: 'class-order', onchange: () => show()}, [['label', 'as in the data set'], ['f1', 'lowest F1 first'], ['support', 'most examples first']].map(([value, text]) => h('option', {value}, text)));
  const table = new Table({caption: 'Each class', captionHidden: true, className: 'classes', keyOf: (c) => c.label,
    columns: [{title: 'Class', text: (c) => c.name, rowHeading: true, class: 'name'}, {title: 'Examples', text: (c) => grouped(c.support), class: 'num'},
      measured('precision', 'Precision'), measured('recall', 'Recall'), measured('f1', 'F1')]});
  const holder = scroller('Each class', 'tall');
  holder.append(table.element);
  const note = h('p', {class: 'hint'});
  let all = [];
  function show() {
    const by = {label: (a, b) => a.label - b.label, f1: (a, b) => isKnown(b, 'f1') - isKnown(a, 'f1') || a.f1 - b.f1, support: (a, b) => b.support - a.support}[order.value];
    table.set([...all].sort(by));
  }
  return {element: h('div', {}, h('div', {class: 'controls'}, h('label', {for: 'class-order'}, 'Order'), order), note, holder), set(classes, split) {
    const text = untested(classes, split);
    note.hidden = !text;
    setText(note, text);
    all = classes.map((c, label) => ({...c, label}));
    show();
  }};
}
