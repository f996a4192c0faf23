// What stands in place of a page until its subject has been read, or where there is no such thing.

import {h, setText} from '../dom.js';

/** {element, show(text, gone)}: `gone` shows the way to all of its kind; null as text hides it. */
export function missingNote(href, all) {
  const heading = h('h1');
  const way = h('p', {}, h('a', {href}, all));
  const element = h('div', {hidden: true}, heading, way);
  return {element, show(text, gone = false) {
    element.hidden = text === null;
    way.hidden = !gone;
    if (text !== null) setText(heading, text);
  }};
}
