// What the lines are and what they are at the crosshair, or at their ends. Each entry hides or shows its line,
// and brings it forward while it is pointed at.

import {h, setText, svg} from '../dom.js';
import {COLORS, dashOf, nearest} from './lines.js';
import {short} from './scale.js';

function swatch(line) {
  return svg('svg', {class: 'swatch', viewBox: '0 0 22 8', width: 22, height: 8, 'aria-hidden': 'true'},
    svg('line', {x1: 0, y1: 4, x2: 22, y2: 4, 'stroke-width': 3, class: `line-${(line.color % COLORS) + 1}`, 'stroke-dasharray': dashOf(line).join(' ')}));
}

export class Legend {
  hidden = new Set();  // labels
  front = null;        // the label that is pointed at
  #entries = new Map();  // by what they say: {item, value}
  #values = [];
  #lines = [];
  #shape = '';

  constructor(xLabel, changed) {
    this.xLabel = xLabel;
    this.changed = changed;
    this.place = h('span', {class: 'at'});
    this.list = h('ul', {});
    this.element = h('div', {class: 'legend'}, this.place, this.list);
  }

  set(lines) {
    this.#lines = lines;
    const shape = JSON.stringify(lines.map((l) => [l.label, l.color, l.dash]));
    if (shape !== this.#shape) this.#build(lines);
    this.#shape = shape;
  }

  #build(lines) {
    this.front = null;
    const old = this.#entries;
    this.#entries = new Map(lines.map((line) => {
      const key = JSON.stringify([line.label, line.color, line.dash]);
      return [key, old.get(key) ?? this.#entry(line)];
    }));
    const entries = [...this.#entries.values()];
    this.#values = entries.map((e) => e.value);
    this.list.replaceChildren(...entries.map((e) => e.item));
  }

  #entry(line) {
    const value = h('span', {class: 'value'});
    const forward = (label) => () => {
      if (this.front === label || this.#lines.length < 4) return;
      this.front = label;
      this.changed();
    };
    const button = h('button', {type: 'button', 'aria-pressed': String(!this.hidden.has(line.label)), title: 'Show or hide',
      onmouseenter: forward(line.label), onmouseleave: forward(null), onfocus: forward(line.label), onblur: forward(null),
      onclick: () => {
        if (!this.hidden.delete(line.label)) this.hidden.add(line.label);
        button.setAttribute('aria-pressed', String(!this.hidden.has(line.label)));
        this.changed();
      }}, swatch(line), h('span', {class: 'label'}, line.label), value);
    return {item: h('li', {}, button), value};
  }

  /** Values nearest to x; null: the newest ones. */
  show(x) {
    setText(this.place, x === null ? 'latest' : `${this.xLabel} ${Number(x.toFixed(2))}`);
    this.#lines.forEach((line, i) => {
      const at = x === null ? line.x.length - 1 : nearest(line.x, x);
      setText(this.#values[i], short(line.y[at]));
    });
  }
}
