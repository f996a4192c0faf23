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

/** Replace what `element` holds, but only when the text differs, so that nothing flickers or loses focus. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let announced = '';
/** Say something to screen readers, once. */
export function announce(text) {
  if (text === announced) return;
  announced = text;
  document.getElementById('announcer').textContent = text;
}

export function table(caption, columns, rows) {
  return h('table', {},
    h('caption', {}, caption),
    h('thead', {}, h('tr', {}, columns.map((c) => h('th', {scope: 'col'}, c)))),
    h('tbody', {}, rows.map((row) => h('tr', {}, row.map((cell) => h('td', {}, cell))))));
}

/** A box that scrolls where its table is wider or longer than the screen, also by keyboard. */
export const scroller = (label, more = '') => h('div', {class: `scroll ${more}`, role: 'region', 'aria-label': label, tabindex: '0'});

/** Have the browser save `blob` under this name. */
export function save(blob, name) {
  const link = h('a', {href: URL.createObjectURL(blob), download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
