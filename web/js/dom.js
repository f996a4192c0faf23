// Elements without markup: text always goes in as text, never as HTML.

/** h('a', {href: '#/', class: 'x', onclick: f}, 'text', child, [more]) */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== 'list' && typeof value !== 'string') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat(Infinity));
  return element;
}

let range;  // what the reader has selected, or null; undefined between updates

/** Asked for once an update: the page is laid out before the answer, and so again after each text that has changed. */
function selectedRange() {
  if (range === undefined) {
    const selection = document.getSelection();
    range = selection?.type === 'Range' && !selection.isCollapsed ? selection.getRangeAt(0) : null;
    queueMicrotask(() => { range = undefined; });
  }
  return range;
}

/** Whether the reader has selected text in `element`. */
export function isSelected(element) {
  const selected = selectedRange();
  return selected !== null && !selected.collapsed && selected.intersectsNode(element);
}

/**
 * Set the text of `element`, touching nothing where it is the same already, and leaving text that the reader has
 * selected alone: the page is updated again when the selection is gone.
 */
export function setText(element, text) {
  const node = element.firstChild;
  if (node instanceof Text && !node.nextSibling) {
    if (node.data !== text && !isSelected(element)) node.data = text;
  } else if (node || text !== '') {
    element.textContent = text;
  }
}

export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

let announced = '';
/** Say something to screen readers, once. */
export function announce(text) {
  if (text === announced) return;
  announced = text;
  document.getElementById('announcer').textContent = text;
}

/** A digest on one line, as much of it as there is room for; selected, all of it is copied. */
export const digest = (hex) => h('span', {class: 'clip', title: hex}, hex);

/** A box that scrolls where its table is wider or longer than the screen, also by keyboard. */
export const scroller = (label, more = '') => h('div', {class: `scroll ${more}`, role: 'region', 'aria-label': label, tabindex: '0'});

/**
 * A button that stays where it is, and keeps the focus, while it cannot be used: disabled to the eye and to screen
 * readers, deaf to clicks. Where onclick() returns a promise, further clicks are no more than the first until it settles.
 */
export function actionButton(text, onclick, attributes = {}) {
  let acting = false;
  const button = h('button', {type: 'button', ...attributes, onclick: async (event) => {
    if (acting || !isUsable(button)) return;
    acting = true;
    try {
      await onclick(event);
    } finally {
      acting = false;
    }
  }}, text);
  return button;
}
export const isUsable = (button) => button.getAttribute('aria-disabled') !== 'true';
/** `why` it cannot be used is said to who points at it. */
export function setUsable(button, usable, why = null) {
  setAttribute(button, 'aria-disabled', usable ? null : 'true');
  setAttribute(button, 'title', usable ? null : why);
}
