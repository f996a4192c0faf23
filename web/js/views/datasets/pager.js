// One page of a long list at a time.

import {actionButton, h, setText, setUsable} from '../../dom.js';
import {grouped} from '../../format.js';

/** {element, reset(), range(total) -> [from, to] of the page that is shown}; `changed` is called when another is wanted. */
export function pager(size, changed, {previous = 'Previous', next = 'Next'} = {}) {
  let page = 0;
  const go = (by) => () => {
    page += by;
    changed();
  };
  const back = actionButton(previous, go(-1), {class: 'quiet'});
  const on = actionButton(next, go(1), {class: 'quiet'});
  const where = h('span', {role: 'status'});
  const element = h('p', {class: 'tools pager'}, back, on, where);
  return {element, reset: () => { page = 0; }, range(total) {
    page = Math.max(0, Math.min(page, Math.ceil(total / size) - 1));
    const from = page * size, to = Math.min(total, from + size);
    setUsable(back, from > 0);
    setUsable(on, to < total);
    element.hidden = total <= size;
    setText(where, `${grouped(from + 1)} to ${grouped(to)} of ${grouped(total)}`);
    return [from, to];
  }};
}
