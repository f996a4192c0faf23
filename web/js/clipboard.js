// Copying text. The clipboard is open to pages on https and on the machine itself only; elsewhere the text is shown,
// selected, for the reader to copy.

import {announce, h} from './dom.js';
import {openDialog} from './dialog.js';

export async function copy(what, text) {
  try {
    await navigator.clipboard.writeText(text);
    announce(`${what} copied`);
    return true;
  } catch {
    const area = h('textarea', {readOnly: true, rows: 8, 'aria-label': what});
    area.value = text;
    openDialog({title: `Copy ${what}`, content: [area], actions: []});
    area.select();
    return false;
  }
}

/** A button that copies what `text()` makes, and says so on itself. */
export function copyButton(label, what, text) {
  const button = h('button', {type: 'button', class: 'quiet', onclick: async () => {
    if (!(await copy(what, text()))) return;
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = label; }, 1500);
  }}, label);
  return button;
}
