// Controls that several pages with charts have: how much to smooth, and what the axis of a loss shows.

import {h, setAttribute} from '../../dom.js';
import {SMOOTH_FROM} from '../../chart/lines.js';

const SCALES = {fitted: 'fitted', all: 'everything', log: 'logarithmic'};

/** {element, value, update(lines)}: usable where a line has points enough. */
export function smoothingControl(changed) {
  const input = h('input', {type: 'range', id: 'smoothing', min: 0, max: 0.98, step: 0.02, value: '0', oninput: changed});
  const element = h('span', {class: 'pair-of'}, h('label', {for: 'smoothing'}, 'Smoothing'), input);
  return {element, get value() { return Number(input.value); }, update(lines) {
    const few = lines.every((l) => l.x.length < SMOOTH_FROM);
    input.disabled = few;
    setAttribute(element, 'title', few ? `Lines of fewer than ${SMOOTH_FROM} points are shown as they are` : null);
  }};
}

/** {element, value}: a fitted axis leaves out what has diverged. */
export function scaleControl(changed, value = 'fitted') {
  const select = h('select', {id: 'scale', onchange: changed}, Object.entries(SCALES).map(([v, text]) => h('option', {value: v}, text)));
  select.value = value in SCALES ? value : 'fitted';
  return {element: h('span', {class: 'pair-of'}, h('label', {for: 'scale'}, 'Loss axis'), select), get value() { return select.value; }};
}
