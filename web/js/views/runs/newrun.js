// A new run, or a clone of one with changes: a field for every setting, the daemon's own checks beside each.

import * as api from '../../api.js';
import {Chart} from '../../chart/chart.js';
import {copyButton} from '../../clipboard.js';
import {actionButton, h, isUsable, setText, setUsable} from '../../dom.js';
import {title} from '../../describe.js';
import {bytes, counted, grouped, rate, span} from '../../format.js';
import {Facts} from '../../keyed.js';
import {requestKey} from '../../key.js';
import {mergePatch} from '../../merge_patch.js';
import {Reading} from '../../reading.js';
import {isOwn} from '../../known/sets.js';
import {augmentationPreview} from './augmentation.js';
import {formFields, sourceOf, writePath} from '../form_fields.js';

const CHECK_MS = 250;

/** What the form shows of a job: {name, …settings, metadata}. */
const valuesOf = ({name, metadata, settings}) => ({name: name ?? '', ...settings, metadata: metadata ?? {}});

/** A request to make a job of the form's values. */
function newRequest(form) {
  const body = () => {
    const {name, metadata, ...settings} = form.values();
    return {...(name ? {name} : {}), ...settings, ...(Object.keys(metadata).length ? {metadata} : {})};
  };
  return {path: 'v1/jobs', body, dryRun: () => api.tryJob(body()), send: (key) => api.createJob(body(), key)};
}

/** A request to clone `parent` with what the form has otherwise. */
function cloneRequest(form, parent) {
  const body = () => mergePatch(valuesOf(parent), form.values());
  return {path: `${api.seriesPath(parent.id, 'clone')}`, body, dryRun: () => api.tryClone(parent.id, body()), send: (key) => api.cloneJob(parent.id, body(), key)};
}

function timeText({seconds, examples_per_second: speed, measured_job: job}) {
  if (seconds === null) return 'not known: nothing like it has been trained here yet';
  return `about ${span(seconds)}, judging by ${job} (${rate(speed)})`;
}

/** The fields that are wrong, which may be far away: each name leads to its field. */
function wrongFields() {
  const element = h('p', {class: 'fault', role: 'alert'});
  let shown = '';
  return {element, show(fields) {
    const mark = fields.map((f) => f.row.path).join();
    if (mark === shown) return;
    shown = mark;
    element.replaceChildren(...(fields.length ? [`${counted(fields.length, 'setting')} to mend: `] : []), ...fields.flatMap((f, i) => [i ? ', ' : '',
      h('button', {type: 'button', class: 'link', onclick: () => f.focus()}, f.row.title)]));
  }};
}

/** What would be trained, as a dry run tells it: {elements, show(answer), clear(), destroy()}. */
function previewSection() {
  const facts = new Facts();
  const rates = new Chart({title: 'Learning rate', x: 'step', height: 200});
  function showRates(curve) {
    rates.element.hidden = !curve;
    rates.set(curve ? [{label: 'learning rate', color: 0, x: curve.step, y: curve.learning_rate}] : []);
  }
  return {elements: [facts.element, rates.element], show({network, total_steps: steps, learning_rate_curve: curve, estimate}) {
    showRates(curve);
    facts.set([
      ['Parameters', grouped(network.parameters)],
      ['Multiply-adds per image', grouped(network.multiply_adds)],
      ['Steps', grouped(steps)],
      ['Memory', `about ${bytes(estimate.memory_bytes)}`],
      ['Time', timeText(estimate)],
    ]);
  }, clear() {
    facts.set([]);
    showRates(null);
  }, destroy: () => rates.destroy()};
}

/** What fields of the form are chosen from. */
const listsOf = (networks, datasets, models) => ({
  networks,
  models: models.flatMap((m) => m.versions.map((v) => `${m.name}@${v.version}`)),
  datasets: datasets.filter((d) => d.status === 'ready').map((d) => ({...d, title: isOwn(d) ? `${d.name} (${d.id})` : d.title})),
});

export function newRunView({state, setTitle}, {query}) {
  const from = query.get('from');
  const heading = h('h1', {}, from ? 'Clone with changes' : 'New run');
  const holder = h('div', {}, h('p', {class: 'empty'}, 'Reading …'));
  const element = h('section', {}, h('div', {class: 'bar'}, heading), holder);
  const general = h('p', {class: 'fault', role: 'alert'});
  const wrong = wrongFields();
  const preview = previewSection();
  const keyOf = requestKey();
  const start = actionButton('Start', () => submit(), {class: 'primary'});
  const augmented = augmentationPreview();
  let timer = null, form = null, request = null, sending = false, sets = [];

  function showFaults(errors) {
    setText(general, form.showFaults(errors).join('; '));
    wrong.show([...form.fields.values()].filter((f) => f.isWrong()));
  }
  const errorsOf = (error) => (error.errors?.length ? error.errors : [{pointer: '/', detail: error.message}]);

  function showAugmented() {
    const {name, metadata, ...settings} = form.values();
    augmented.show(settings, sets.find((s) => s.id === settings.dataset));
  }

  const checking = new Reading({read: () => request.dryRun(), take: (answer) => {
    showFaults([]);
    preview.show(answer);
    showAugmented();
    setUsable(start, !sending && state.mayWrite);
  }, fail: (error) => {
    preview.clear();
    showFaults(errorsOf(error));
    // Without an answer nothing is known against it: the start itself will tell.
    setUsable(start, !sending && !error.status && state.mayWrite);
  }});

  function checkSoon() {
    clearTimeout(timer);
    timer = setTimeout(() => checking.ask(), CHECK_MS);
  }

  async function submit() {
    if (sending || !isUsable(start)) return;
    sending = true;
    // A check that is under way must not take away what the start itself will say.
    clearTimeout(timer);
    checking.leave();
    setUsable(start, false);
    setText(start, 'Starting …');
    try {
      const job = await request.send(keyOf(request.body()));
      // Not where the reader has gone elsewhere meanwhile.
      if (element.isConnected) location.hash = `#/runs/${job.id}`;
    } catch (error) {
      showFaults(errorsOf(error));
      setUsable(start, true);
    }
    sending = false;
    setText(start, 'Start');
  }

  function build(rows, lists, values, parent) {
    sets = lists.datasets;
    // Settings may stand in the address: ?dataset=set_1&class_weights=balanced
    for (const {path, type} of rows) if (query.has(path)) writePath(values, path, type === 'init_from' ? sourceOf(query.get(path)) : query.get(path));
    form = formFields(rows, {network: lists.networks, dataset: lists.datasets, models: lists.models});
    form.set(values);
    request = parent ? cloneRequest(form, parent) : newRequest(form);
    form.element.addEventListener('input', (event) => {
      // Each network has a size of its own.
      if (event.target.name === 'network')
        form.fields.get('image_size')?.set(lists.networks.find((n) => n.id === event.target.value)?.image_size);
      checkSoon();
    });
    holder.replaceChildren(h('form', {novalidate: true, onsubmit: (event) => { event.preventDefault(); submit(); }},
      parent && h('p', {}, 'A clone of ', h('a', {href: `#/runs/${parent.id}`}, title(parent)), ': what is not changed here is taken over.'),
      form.element, augmented.element, h('h2', {}, 'Before it starts'), preview.elements,
      h('div', {class: 'submit'}, general, wrong.element, h('p', {class: 'tools'}, start,
        copyButton('Copy as curl', 'command', () => api.curl('POST', request.path, request.body())),
        copyButton('Copy as job file', 'job file', () => `${JSON.stringify(newRequest(form).body(), null, 2)}\n`)))));
  }

  const reading = new Reading({
    read: () => Promise.all([api.settings(), api.networks(), api.datasets(), api.models(), from && api.getJob(from), !from && api.tryJob({})]),
    take: ([rows, networks, datasets, models, parent, usual]) => {
      build(rows, listsOf(networks, datasets, models), valuesOf(parent || usual), parent);
      checking.ask();
    },
    // Even to ask what would be made is a request to make it.
    fail: (error) => holder.replaceChildren(h('p', {class: 'fault', role: 'alert'}, error.status === 403 ? 'The token that was given may only read: it cannot start a run.' : error.message)),
  });
  reading.ask();

  return {element, update() {
    setTitle(heading.textContent);
    reading.update(state);
    if (!sending) checking.update(state);
    augmented.update(state);
  }, destroy: () => {
    clearTimeout(timer);
    preview.destroy();
  }};
}
