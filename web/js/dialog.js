// Modal questions. Escape, "Cancel" and another page close them; the focus goes back to where it was.

import {h, setText} from './dom.js';

let count = 0;

/**
 * openDialog({title, content: [elements], actions: [{label, class, run}]}). An action's run() may be a promise; the
 * dialog closes when it went well, and shows what went wrong otherwise, also where it has been closed meanwhile. An
 * address that run() returns is gone to, unless the reader has closed the dialog and may be elsewhere.
 */
export function openDialog({title, content, actions, cancel = actions.length ? 'Cancel' : 'Close'}) {
  const id = `dialog-${++count}`;
  const fault = h('p', {class: 'fault', role: 'alert'});
  const back = document.activeElement;
  const buttons = actions.map(({label, class: className, run}) => h('button', {type: 'button', class: className, onclick: async () => {
    buttons.forEach((b) => { b.disabled = true; });
    setText(fault, '');
    try {
      const address = await run();
      if (!dialog.open) return;
      dialog.close();
      if (address) location.hash = address;
    } catch (error) {
      setText(fault, error.message);
      if (!dialog.open) show();
      buttons.forEach((b) => { b.disabled = false; });
    }
  }}, label));
  const dialog = h('dialog', {'aria-labelledby': id}, h('h2', {id}, title), content, fault,
    h('p', {class: 'tools'}, h('button', {type: 'button', onclick: () => dialog.close()}, cancel), buttons));
  const close = () => dialog.close();
  dialog.addEventListener('close', () => {
    removeEventListener('hashchange', close);
    dialog.remove();
    if (back?.isConnected) back.focus();
  });
  function show() {
    document.body.append(dialog);
    dialog.showModal();
    addEventListener('hashchange', close);
  }
  show();
  return dialog;
}
