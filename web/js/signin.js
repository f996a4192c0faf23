// Asking for the token of a daemon that wants one. The page itself is hidden meanwhile and stays as it was, so that
// nothing that was typed is lost and there is nothing to close by accident.

import * as api from './api.js';
import {bringDialogsBack, setDialogsAside} from './dialog.js';
import {h, isUsable, setText, setUsable} from './dom.js';
import {pause} from './pause.js';
import * as token from './token.js';

const OTHERS_MS = 300;  // in which other tabs answer, if there are any
const AGAIN_MS = 3000;  // between two looks at whether the daemon still wants a token

/** {element, ask()}: `done` is called, and the promise of ask() resolves, when there is a token that the daemon takes. */
export function signIn(done) {
  const fault = h('p', {class: 'fault', role: 'alert', id: 'token-fault'});
  const input = h('input', {type: 'password', id: 'token', autocomplete: 'off', 'aria-describedby': 'token-fault'});
  const button = h('button', {class: 'primary'}, 'Go on');
  const element = h('section', {class: 'signin', hidden: true},
    h('form', {novalidate: true, onsubmit: submit},
      h('h1', {}, 'Token'),
      h('p', {}, 'This daemon answers only those who have its token. It is kept in the tabs of this browser until they are closed.'),
      h('p', {}, h('label', {for: 'token'}, 'Token'), input), fault, h('p', {}, button)));
  let asking = null;  // the promise, while a token is wanted
  let resolve;

  async function submit(event) {
    event.preventDefault();
    if (!isUsable(button)) return;
    const text = input.value.trim();
    setText(fault, '');
    setUsable(button, false);
    try {
      if (text === '') setText(fault, 'Enter the token first.');
      else if (!(await api.accepts(text))) setText(fault, 'The daemon does not take this token.');
      else {
        token.keep(text);
        leave();
      }
    } catch (error) {
      setText(fault, error.status ? error.message : 'The daemon does not answer.');
    }
    setUsable(button, true);
    if (asking) input.select();
  }

  function leave() {
    if (!asking) return;
    asking = null;
    input.value = '';
    setText(fault, '');
    element.hidden = true;
    bringDialogsBack();
    done();
    resolve();
  }

  /** The daemon may come back without a token, or with the one that this tab has: nothing is asked for any more then. */
  async function lookAgain(mine) {
    while (asking === mine) {
      await pause(AGAIN_MS);
      if (asking === mine && !document.hidden && await api.accepts(token.current()).catch(() => false) && asking === mine) leave();
    }
  }

  /** Another tab may have a token; if none answers soon, the reader is asked. */
  function ask() {
    if (asking) return asking;
    asking = new Promise((settle) => { resolve = settle; });
    token.askOthers();
    const mine = asking;
    setTimeout(() => {
      if (asking !== mine) return;
      setDialogsAside();
      element.hidden = false;
      input.focus();
      lookAgain(mine);
    }, OTHERS_MS);
    return asking;
  }
  token.onChange(leave);
  return {element, ask};
}
