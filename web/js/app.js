// The page: routes by the part of the address behind #, one state, one view at a time.

import {setToken} from './api.js';
import {announce, h, setText} from './dom.js';
import {Live} from './live.js';
import {State} from './state.js';
import {compareView} from './views/compare.js';
import {networkView} from './views/network.js';
import {newRunView} from './views/newrun.js';
import {runView} from './views/run.js';
import {runsView} from './views/runs.js';

/** A view is made with (context, parameters) and is {element, update(), destroy()?}. */
const ROUTES = [
  [/^\/$/, runsView, 'Runs'],
  [/^\/runs\/([\w-]+)$/, runView, 'Run'],
  [/^\/new$/, newRunView, 'New run'],
  [/^\/compare$/, compareView, 'Compare'],
  [/^\/network\/([\w-]+)$/, networkView, 'Network'],
];

const STATUS = {
  connecting: 'Connecting …',
  live: 'Live',
  polling: 'Live, by asking every few seconds',
  lost: 'Connection lost, trying again …',
  unauthorized: 'A token is needed',
};

const root = document.getElementById('view');
const connection = document.getElementById('connection');
let view = null;
let scheduled = false;

/** Many events may come at once; the page is brought up to date once a frame. */
function changed() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    setText(connection, state.status === 'live' && state.error ? state.error : STATUS[state.status]);
    connection.dataset.status = state.status;
    if (state.status === 'unauthorized') askForToken();
    view?.update();
  });
}

const state = new State(changed);
const live = new Live({
  onEvent: (event) => state.apply(event),
  onResync: () => state.resync(),
  onStatus: (status) => {
    if (state.status !== 'live' && status === 'live') announce('Connected');
    state.setStatus(status);
  },
});

function navigate() {
  const [path, query = ''] = (location.hash.slice(1) || '/').split('?');
  const found = ROUTES.find(([pattern]) => pattern.test(path));
  const parameters = {path: found ? path.match(found[0]).slice(1) : [], query: new URLSearchParams(query)};
  view?.destroy?.();
  view = found ? found[1]({state, live}, parameters) : notFound(path);
  root.replaceChildren(view.element);
  document.title = `${found ? found[2] : 'Not found'} – googlenetd`;
  for (const link of document.querySelectorAll('nav a')) {
    const current = link.getAttribute('href').slice(1) === path;
    if (current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  view.update();
  root.focus({preventScroll: true});
}

const notFound = (path) => ({
  element: h('section', {}, h('h1', {}, 'Nothing here'), h('p', {}, `There is no page ${path}. `, h('a', {href: '#/'}, 'All runs'))),
  update() {},
});

let dialog = null;
function askForToken() {
  if (dialog?.open) return;
  const input = h('input', {type: 'password', id: 'token', autocomplete: 'off', required: true});
  dialog = h('dialog', {'aria-labelledby': 'token-title'},
    h('form', {
      onsubmit: (event) => {
        event.preventDefault();
        setToken(input.value.trim());
        dialog.close();
        dialog.remove();
        state.setStatus('connecting');
        live.restart();
      },
    },
    h('h2', {id: 'token-title'}, 'Token'),
    h('p', {}, 'This daemon answers only those who have its token. It is kept in this tab until you close it.'),
    h('label', {for: 'token'}, 'Token'), input,
    h('p', {}, h('button', {class: 'primary'}, 'Go on'))));
  document.body.append(dialog);
  dialog.showModal();
}

const ACTIVE_MS = 5000;
setInterval(() => { if (!document.hidden && state.status === 'live') state.refreshActive(); }, ACTIVE_MS);

addEventListener('hashchange', navigate);
navigate();
live.start();
