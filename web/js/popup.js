// A button that opens a box below it. The box stays within the window; Escape, a click elsewhere or a focus that goes
// elsewhere closes it.

import {h} from './dom.js';

const MARGIN = 8;  // pixels between the box and the edge of the window

/** `onopen` is called before the box is placed. */
export function popup(title, content, onopen) {
  const summary = h('summary', {}, title);
  const box = h('div', {class: 'popup'}, content);
  const element = h('details', {class: 'chooser'}, summary, box);
  let listening = null;

  function place() {
    box.style.left = '0';
    const {left, right} = box.getBoundingClientRect();
    box.style.left = `${Math.max(MARGIN - left, Math.min(0, document.documentElement.clientWidth - MARGIN - right))}px`;
  }
  const closeBeside = (event) => { if (!element.contains(event.target)) element.open = false; };

  element.addEventListener('toggle', () => {
    listening?.abort();
    if (!element.open) return;
    onopen?.();
    place();
    listening = new AbortController();
    const {signal} = listening;
    addEventListener('pointerdown', closeBeside, {signal});
    addEventListener('focusin', closeBeside, {signal});
    addEventListener('resize', place, {signal});
    addEventListener('hashchange', () => { element.open = false; }, {signal});
  });
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !element.open) return;
    element.open = false;
    summary.focus();
  });
  return element;
}
