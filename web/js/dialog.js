// Modal questions. Escape, "Cancel" and another page close them; the focus goes back to where it was.

import {faultText} from './api.js';
import {h, isUsable, setText, setUsable} from './dom.js';

let count = 0;
const asking = new Set();  // the dialogs that are there: {setAside(), bringBack()}

/** Nothing beside a modal dialog can be reached: those that are there make room, and come back as they were. */
export const setDialogsAside = () => asking.forEach((d) => d.setAside());
export const bringDialogsBack = () => asking.forEach((d) => d.bringBack());

/**
 * openDialog({title, content: [elements], actions: [{label, class, run}]}). An action's run() may be a promise; the
 * dialog closes when it went well, and shows what went wrong otherwise, also where it has been closed meanwhile. An
 * address that run() returns is gone to, unless the reader has closed the dialog and may be elsewhere. Enter in a line of
 * text is as good as the last action.
 */
export function openDialog({title, content, actions, cancel = actions.length ? 'Cancel' : 'Close'}) {
  const id = `dialog-${++count}`;
  const fault = h('p', {class: 'fault', role: 'alert'});
  const back = document.activeElement;
  const buttons = actions.map(({label, class: className, run}) => h('button', {type: 'button', class: className, onclick: async () => {
    if (!buttons.every(isUsable)) return;
    buttons.forEach((b) => setUsable(b, false));
    setText(fault, '');
    try {
      const address = await run();
      if (!asking.has(self)) return;
      end();
      if (address) location.hash = address;
    } catch (error) {
      setText(fault, faultText(error));
      if (!asking.has(self)) show();
      buttons.forEach((b) => setUsable(b, true));
    }
  }}, label));
  const dialog = h('dialog', {'aria-labelledby': id}, h('h2', {id}, title), content, fault,
    h('p', {class: 'tools'}, h('button', {type: 'button', onclick: () => end()}, cancel), buttons));
  let aside = null;  // {focused: what had the focus}, while the dialog is set aside
  const self = {
    setAside() {
      if (!dialog.open) return;
      aside = {focused: document.activeElement};
      dialog.close();
    },
    bringBack() {
      if (!aside) return;
      dialog.showModal();
      aside.focused?.focus();
      aside = null;
    },
  };
  function end() {
    if (!asking.delete(self)) return;
    removeEventListener('hashchange', end);
    dialog.close();
    dialog.remove();
    (back?.isConnected ? back : document.getElementById('view')).focus();
  }
  dialog.addEventListener('keydown', (event) => {
    // Of a word that is put together of several keys, as in Japanese, Enter is the last.
    if (event.key !== 'Enter' || event.isComposing || !event.target.matches('input[type=text]')) return;
    event.preventDefault();
    buttons.at(-1)?.click();
  });
  // The event comes a while after: the dialog may be back by then.
  dialog.addEventListener('close', () => { if (!dialog.open && !aside) end(); });
  function show() {
    aside = null;
    asking.add(self);
    document.body.append(dialog);
    dialog.showModal();
    addEventListener('hashchange', end);
  }
  show();
  return dialog;
}
