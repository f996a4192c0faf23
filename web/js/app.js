// The page: routes by the part of the address behind #, one state, one view at a time.

import {onAnswer, onRefused} from './api.js';
import {announce, h, setAttribute, setText} from './dom.js';
import {clock, span} from './format.js';
import {Live} from './live.js';
import {startNavigation} from './navigation.js';
import {redrawing} from './redraw.js';
import {signIn} from './signin.js';
import {State} from './known/state.js';
import {Transfers} from './transfers.js';

/**
 * The address, what loads its view, and the link of the navigation that it belongs to.
 * A view is made with (context, parameters) and is {element, update(), destroy()?}. Each is loaded when it is first
 * wanted: the first page is there sooner.
 */
const ROUTES = [
  [/^\/$/, async () => (await import('./views/runs/runs.js')).runsView, '/'],
  [/^\/runs\/([\w-]+)$/, async () => (await import('./views/runs/run.js')).runView, '/'],
  [/^\/new$/, async () => (await import('./views/runs/newrun.js')).newRunView, '/new'],
  [/^\/compare$/, async () => (await import('./views/runs/compare.js')).compareView, '/compare'],
  [/^\/network\/([\w-]+)$/, async () => (await import('./views/network.js')).networkView, '/network/googlenet'],
  [/^\/datasets$/, async () => (await import('./views/datasets/datasets.js')).datasetsView, '/datasets'],
  [/^\/datasets\/new$/, async () => (await import('./views/datasets/dataset_new.js')).newDatasetView, '/datasets'],
  [/^\/datasets\/([\w-]+)$/, async () => (await import('./views/datasets/dataset.js')).datasetView, '/datasets'],
  [/^\/models$/, async () => (await import('./views/models/models.js')).modelsView, '/models'],
  [/^\/models\/([\w.-]+)$/, async () => (await import('./views/models/model.js')).modelView, '/models'],
  [/^\/evaluations\/([\w-]+)$/, async () => (await import('./views/evaluation.js')).evaluationView, '/models'],
  [/^\/upload$/, async () => (await import('./views/models/model_upload.js')).modelUploadView, '/models'],
  [/^\/system$/, async () => (await import('./views/system.js')).systemView, '/system'],
];

const STATUS = {
  connecting: 'Connecting …',
  live: 'Live',
  polling: 'Live, by asking every few seconds',
  lost: 'No answer',
  unauthorized: 'A token is needed',
};
const ACTIVE_MS = 5000;
const CLOCK_MS = 1000;
const SLOW_MS = 400;   // after which one who waits for a page is told so

const root = document.getElementById('view');
const connection = document.getElementById('connection');
const stale = document.getElementById('stale');
const outdated = document.getElementById('outdated');
let view = null;
let arrived = false;

const changed = redrawing(() => {
  showConnection();
  view?.update();
});

const state = new State(changed);
const transfers = new Transfers(changed, (set) => {
  state.sets.put(set);
  announce(`${set.name} has been sent and is being imported`);
});
const live = new Live({
  onEvent: (event) => state.apply(event),
  onResync: () => state.resync(),
  onResumed: () => state.resumed(),
  onPause: () => state.pause(),
  onHeard: (time) => state.setHeard(time),
  onStatus: (status) => {
    if (state.status !== 'live' && status === 'live') announce('Connected');
    state.setStatus(status);
  },
});
onAnswer(() => live.heard());

const asking = signIn(() => {
  state.setStatus('connecting');
  live.restart();
});
root.before(asking.element);
onRefused(() => {
  state.setStatus('unauthorized');
  return asking.ask();
});

/** What the context holds outlives a view: also what was last looked for among the runs, and a file that was dropped for a new data set or model. */
const context = {state, transfers, changed, runsQuery: '', dropped: null, setTitle: (text) => {
  const title = `${text} – googlenetd`;
  if (document.title !== title) document.title = title;
}};

/** Since when nothing came, while the daemon does not answer. */
function showConnection() {
  const {status, heardAt, error} = state;
  const lost = status === 'lost';
  const since = heardAt === null ? '' : ` since ${clock(heardAt)} (${span((Date.now() - heardAt) / 1000)})`;
  setText(connection, status === 'live' && error ? error : lost ? `No answer${since}`
    : status === 'live' && !state.mayWrite ? 'Live, for reading only' : STATUS[status]);
  connection.dataset.status = status === 'live' && error ? 'troubled' : status;
  stale.hidden = !lost;
  setText(stale, lost && heardAt !== null ? `The daemon has not answered since ${clock(heardAt)}. What stands here is from then.`
    : lost ? 'The daemon does not answer.' : '');
  root.toggleAttribute('data-stale', lost);
  showVersion();
  root.hidden = status === 'unauthorized';
}

/** Whether another version of the daemon has come since this page was opened, whose own page may show more. */
function showVersion() {
  const {version, firstVersion} = state;
  const other = version !== firstVersion;
  if (other !== outdated.hidden) return;
  outdated.hidden = !other;
  outdated.replaceChildren(...(other ? [`The daemon is version ${version} now; this page is of version ${firstVersion}. `,
    h('button', {type: 'button', onclick: () => location.reload()}, 'Load its page')] : []));
}

const plainView = (heading, ...text) => () => ({
  element: h('section', {}, h('h1', {}, heading), h('p', {}, text)),
  update: () => context.setTitle(heading),
});
const notFound = (path) => plainView('Nothing here', `There is no page ${path}. `, h('a', {href: '#/'}, 'All runs'));
/** Tries again by itself once a daemon that was gone is back. */
function unreachable() {
  const page = plainView('Not loaded', 'This page could not be loaded: the daemon did not answer, or is another version since this tab was opened. ',
    h('button', {type: 'button', onclick: () => location.reload()}, 'Try again'))();
  let lost = false;
  return {element: page.element, update() {
    page.update();
    lost ||= state.status === 'lost';
    if (lost && state.isCurrent) location.reload();
  }};
}

/** What stands there while a page is on its way over a slow line. */
function showReading() {
  view?.destroy?.();
  view = null;
  root.replaceChildren(h('p', {class: 'empty'}, 'Reading …'));
}

/** The link of the page that is shown, or of the part that it belongs to. */
function markLink(path, part) {
  for (const link of document.querySelectorAll('nav a')) {
    const to = link.getAttribute('href').slice(1);
    setAttribute(link, 'aria-current', to === path ? 'page' : to === part ? 'true' : null);
  }
}

startNavigation(async (path, query, isCurrent) => {
  const found = ROUTES.find(([pattern]) => pattern.test(path));
  markLink(path, found?.[2]);
  const slow = setTimeout(() => { if (isCurrent()) showReading(); }, SLOW_MS);
  const make = found ? await found[1]().catch(() => unreachable) : notFound(path);
  clearTimeout(slow);
  if (!isCurrent()) return;
  view?.destroy?.();
  view = make(context, {path: found ? path.match(found[0]).slice(1) : [], query});
  root.replaceChildren(view.element);
  root.dataset.path = path;
  view.update();
  // Not at the start: there the skip link comes first.
  if (arrived) root.focus({preventScroll: true});
  arrived = true;
});

document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  root.focus();
});
// What the reader had selected was left as it was.
document.addEventListener('selectionchange', () => { if (document.getSelection().isCollapsed) changed(); });
setInterval(() => { if (!document.hidden && state.isCurrent) state.refreshActive(); }, ACTIVE_MS);
setInterval(() => { if (!document.hidden) changed(); }, CLOCK_MS);

live.start();
