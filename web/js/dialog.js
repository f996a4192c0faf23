// Modal questions. Escape and "Cancel" close them; the focus goes back to where it was.

import {h, setText} from './dom.js';

let count = 0;

/**
 * openDialog({title, content: [elements], actions: [{label, class, run}]}). An action's run() may be a promise; the
 * dialog closes when it went well, and shows what went wrong otherwise.
 */
export function openDialog({title, content, actions, cancel = actions.length ? 'Cancel' : 'Close'}) {
  const id = `dialog-${++count}`;
  const fault = h('p', {class: 'fault', role: 'alert'});
  const back = document.activeElement;
  const buttons = actions.map(({label, class: className, run}) => h('button', {type: 'button', class: className, onclick: async () => {
    buttons.forEach((b) => { b.disabled = true; });
    setText(fault, '');
    try {
      await run();
      dialog.close();
    } catch (error) {
      setText(fault, error.message);
      buttons.forEach((b) => { b.disabled = false; });
    }
  }}, label));
  const dialog = h('dialog', {'aria-labelledby': id}, h('h2', {id}, title), content, fault,
    h('p', {class: 'tools'}, h('button', {type: 'button', onclick: () => dialog.close()}, cancel), buttons));
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (back?.isConnected) back.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
