// A chart's numbers as a table, for those who read better than they see, a page of rows at a time.

import {actionButton, h, scroller, setText, setUsable} from '../dom.js';
import {grouped} from '../format.js';
import {Table} from '../keyed.js';
import {firstFrom} from './scale.js';

const ROWS = 200;

/** All x of all lines, each once, ascending. */
function places(lines) {
  if (lines.length === 0) return [];
  if (lines.every((l) => l.x === lines[0].x)) return lines[0].x;
  const all = Float64Array.from(lines.flatMap((l) => l.x)).sort();
  return all.filter((x, i) => i === 0 || x !== all[i - 1]);
}

function valueAt({x, y}, place) {
  const i = firstFrom(x, place);
  return x[i] === place && y[i] !== null ? String(y[i]) : '';
}

export class Numbers {
  #lines = [];
  #shown = '';
  #columns = '';  // labels that the table was made for
  #table = null;
  #fromEnd = 0;  // pages between the one shown and the last, which has the newest rows

  constructor(title, xLabel) {
    this.title = title;
    this.xLabel = xLabel;
    this.holder = scroller(`${title}, as numbers`);
    this.where = h('span', {class: 'where'});
    this.earlier = actionButton('Earlier', () => this.#turn(1), {class: 'quiet'});
    this.later = actionButton('Later', () => this.#turn(-1), {class: 'quiet'});
    this.pager = h('p', {class: 'tools', hidden: true}, this.earlier, this.later, this.where);
    this.element = h('details', {ontoggle: () => this.#fill()}, h('summary', {}, 'Numbers'), this.pager, this.holder);
  }

  set(lines) {
    this.#lines = lines;
    this.#fill();
  }

  #turn(pages) {
    this.#fromEnd += pages;
    this.#fill();
  }

  #fill() {
    if (!this.element.open) return;
    const mark = JSON.stringify([this.#fromEnd, this.#lines.map((l) => [l.label, l.x.length, l.x.at(-1), l.y.at(-1)])]);
    if (mark === this.#shown) return;
    this.#shown = mark;
    const all = places(this.#lines);
    const pages = Math.max(1, Math.ceil(all.length / ROWS));
    this.#fromEnd = Math.min(Math.max(0, this.#fromEnd), pages - 1);
    const page = pages - 1 - this.#fromEnd;
    const rows = [...all.slice(page * ROWS, (page + 1) * ROWS)].map((x) => [String(x), ...this.#lines.map((l) => valueAt(l, x))]);
    this.pager.hidden = pages === 1;
    setUsable(this.earlier, page > 0);
    setUsable(this.later, page < pages - 1);
    setText(this.where, `rows ${grouped(page * ROWS + 1)} to ${grouped(page * ROWS + rows.length)} of ${grouped(all.length)}`);
    const labels = JSON.stringify(this.#lines.map((l) => l.label));
    if (labels !== this.#columns) {
      this.#columns = labels;
      this.#table = new Table({caption: this.title, keyOf: (row) => row[0],
        columns: [this.xLabel, ...this.#lines.map((l) => l.label)].map((title, i) => ({title, text: (row) => row[i]}))});
      this.holder.replaceChildren(this.#table.element);
    }
    this.#table.set(rows);
  }
}
