// Rows that live as long as what they show: an update changes texts in place, adds what is new and removes what is
// gone. A row that stays is never taken out of the document, so a click on it is not lost.

import {h, setText} from './dom.js';

export class KeyedRows {
  #rows = new Map();  // key -> {element, update(item)}

  /** make(item) is {element, update(item)}. */
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
  }

  /** Show these items in this order. `held`: only update the rows that are there. */
  set(items, keyOf, held = false) {
    if (held) {
      for (const item of items) this.#rows.get(keyOf(item))?.update(item);
      return;
    }
    const keys = new Set(items.map(keyOf)), focused = document.activeElement, wasHere = this.parent.contains(focused);
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    let place = this.parent.firstChild;
    for (const item of items) {
      const key = keyOf(item);
      let row = this.#rows.get(key);
      if (!row) this.#rows.set(key, row = this.make(item));
      if (row.element === place) place = place.nextSibling;
      else this.parent.insertBefore(row.element, place);
      row.update(item);
    }
    if (wasHere && document.activeElement !== focused) this.#keepFocus(focused);
  }

  /** What is moved loses the focus, as what is removed: then the box that the rows are in has it. */
  #keepFocus(focused) {
    const place = focused.isConnected ? focused : this.parent.closest('[tabindex]:not([hidden])');
    place?.focus({preventScroll: true});
  }

  clear() {
    this.#rows.clear();
    this.parent.replaceChildren();
  }
}

/**
 * A table of keyed rows.
 *   new Table({caption, columns: [{title, text: (item) => '…'}, {title, make: (item) => ({element, update})}], keyOf})
 * A column may have `head` (an element in place of the title), `class` and `rowHeading`. `markOf(item)`, where given,
 * says when a row is worth looking at again.
 */
export class Table {
  #rows;

  constructor({caption, captionHidden, columns, keyOf, markOf, className = '', attributes = () => ({})}) {
    this.keyOf = keyOf;
    this.body = h('tbody');
    this.element = h('table', {class: className},
      h('caption', captionHidden ? {class: 'hidden'} : {}, caption),
      h('thead', {}, h('tr', {}, columns.map((c) => h('th', {scope: 'col', class: c.class, ...c.attributes}, c.head ?? c.title)))), this.body);
    this.#rows = new KeyedRows(this.body, (item) => tableRow(item, columns, attributes(item), markOf));
  }

  set(items, held = false) {
    this.#rows.set(items, this.keyOf, held);
  }
}

function tableRow(item, columns, attributes, markOf) {
  const cells = columns.map((column) => {
    const made = column.make?.(item);
    const element = h(column.rowHeading ? 'th' : 'td', {class: column.class, scope: column.rowHeading && 'row', 'data-label': column.title},
      made?.element);
    return {element, update: made ? (i) => made.update?.(i) : (i) => setText(element, column.text(i))};
  });
  let mark;
  return {
    element: h('tr', attributes, cells.map((c) => c.element)),
    update: (next) => {
      if (markOf) {
        const now = markOf(next);
        if (now === mark) return;
        mark = now;
      }
      cells.forEach((c) => c.update(next));
    },
  };
}

/** Names with their values, which change in place: set([[name, text or element], …]). */
export class Facts {
  #rows;

  constructor() {
    this.element = h('dl', {class: 'facts'});
    this.#rows = new KeyedRows(this.element, ([name, value]) => {
      const dd = h('dd', {}, value instanceof Node ? value : '');
      return {element: h('div', {}, h('dt', {}, name), dd), update: ([, next]) => { if (!(next instanceof Node)) setText(dd, next); }};
    });
  }

  set(facts) {
    this.#rows.set(facts, ([name]) => name);
  }
}
