// A new run: the chapter's values filled in, the daemon's own checks beside each field.

import * as api from '../api.js';
import {h, setText} from '../dom.js';
import {bytes, grouped, rate, span} from '../format.js';

/** One row a field: its place in the request, what it is called, and how it is entered. */
const FIELDS = [
  {group: 'What to train'},
  {path: 'name', label: 'Name', type: 'text', hint: 'shown in the list'},
  {path: 'network', label: 'Network', type: 'network'},
  {path: 'dataset', label: 'Dataset', type: 'dataset'},
  {path: 'image_size', label: 'Image size', type: 'number', hint: 'side in pixels'},
  {path: 'train_limit', label: 'Training examples', type: 'number', hint: 'use the first n; 0: all'},
  {path: 'test_limit', label: 'Test examples', type: 'number', hint: 'use the first n; 0: all'},
  {group: 'How to train'},
  {path: 'epochs', label: 'Epochs', type: 'number'},
  {path: 'batch_size', label: 'Batch size', type: 'number'},
  {path: 'optimizer.learning_rate', label: 'Learning rate', type: 'number'},
  {path: 'optimizer.momentum', label: 'Momentum', type: 'number'},
  {path: 'optimizer.nesterov', label: 'Nesterov', type: 'checkbox'},
  {path: 'optimizer.weight_decay', label: 'Weight decay', type: 'number'},
  {path: 'schedule.type', label: 'Schedule', type: 'choice', choices: ['constant', 'cosine'], hint: 'of the learning rate'},
  {path: 'label_smoothing', label: 'Label smoothing', type: 'number'},
  {path: 'precision', label: 'Precision', type: 'choice', choices: ['auto', 'f32', 'bf16']},
  {path: 'seed', label: 'Seed', type: 'number'},
  {path: 'threads', label: 'Threads', type: 'number', hint: '0: all that the daemon has'},
  {group: 'When to end, what to keep'},
  {path: 'max_seconds', label: 'Budget', type: 'number', hint: 'seconds; 0: none'},
  {path: 'early_stopping.patience', label: 'Early stopping', type: 'number', hint: 'epochs without a better test accuracy; 0: off'},
  {path: 'checkpoint.every_epochs', label: 'Checkpoint every', type: 'number', hint: 'epochs'},
  {path: 'checkpoint.keep', label: 'Checkpoints kept', type: 'number', hint: 'besides the best'},
];

const read = (object, path) => path.split('.').reduce((o, key) => o?.[key], object);
function write(object, path, value) {
  const keys = path.split('.');
  const last = keys.pop();
  keys.reduce((o, key) => (o[key] ??= {}), object)[last] = value;
}

function control(field, id, lists) {
  const described = {id, name: field.path, 'aria-describedby': `${id}-hint ${id}-fault`};
  if (field.type === 'checkbox') return h('input', {type: 'checkbox', ...described});
  const options = {network: lists.networks, dataset: lists.datasets, choice: (field.choices ?? []).map((c) => ({id: c, title: c}))}[field.type];
  if (options) return h('select', described, options.map((o) => h('option', {value: o.id}, o.title)));
  // A text field even for numbers: what cannot be read as one goes to the daemon, which says so.
  return h('input', {type: 'text', inputmode: field.type === 'number' ? 'decimal' : 'text', autocomplete: 'off', ...described});
}

function valueOf(field, input) {
  if (field.type === 'checkbox') return input.checked;
  if (field.type !== 'number') return input.value;
  const text = input.value.trim();
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

export function newRunView(_, {query}) {
  const from = query.get('from');
  const holder = h('div', {}, h('p', {class: 'empty'}, 'Reading …'));
  const element = h('section', {}, h('div', {class: 'bar'}, h('h1', {}, from ? 'Clone with changes' : 'New run')), holder);
  let timer = null;
  const inputs = new Map();
  const faults = new Map();
  const general = h('p', {class: 'fault', role: 'alert'});
  const preview = h('dl', {class: 'facts'});
  const start = h('button', {class: 'primary'}, 'Start');

  function spec() {
    const body = {};
    for (const [field, input] of inputs) write(body, field.path, valueOf(field, input));
    if (!body.name) delete body.name;
    return body;
  }

  function showFaults(errors) {
    const left = new Map(errors.map((e) => [e.pointer.slice(1).replaceAll('/', '.'), e.detail]));
    for (const [field, place] of faults) {
      const detail = left.get(field.path);
      left.delete(field.path);
      setText(place, detail ?? '');
      if (detail) inputs.get(field).setAttribute('aria-invalid', 'true');
      else inputs.get(field).removeAttribute('aria-invalid');
    }
    setText(general, [...left].map(([path, detail]) => `${path} ${detail}`.trim()).join('; '));
  }

  function timeText({seconds, examples_per_second: speed, measured_job: job}) {
    if (seconds === null) return 'not known: nothing like it has been trained here yet';
    return h('span', {}, `about ${span(seconds)}, judging by `, h('a', {href: `#/runs/${job}`}, job), ` (${rate(speed)})`);
  }

  function showPreview({network, total_steps: steps, estimate}) {
    const rows = [
      ['Parameters', grouped(network.parameters)],
      ['Multiply-adds per image', grouped(network.multiply_adds)],
      ['Steps', grouped(steps)],
      ['Memory', `about ${bytes(estimate.memory_bytes)}`],
      ['Time', timeText(estimate)],
    ];
    preview.replaceChildren(...rows.map(([k, v]) => h('div', {}, h('dt', {}, k), h('dd', {}, v))));
  }

  async function check() {
    try {
      const answer = await api.tryJob(spec());
      showFaults([]);
      showPreview(answer);
      start.disabled = false;
    } catch (error) {
      start.disabled = true;
      preview.replaceChildren();
      showFaults(error.errors?.length ? error.errors : [{pointer: '/', detail: error.message}]);
    }
  }

  const checkSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(check, 250);
  };

  async function submit(event) {
    event.preventDefault();
    start.disabled = true;
    try {
      const job = await api.createJob(spec());
      location.hash = `#/runs/${job.id}`;
    } catch (error) {
      start.disabled = false;
      showFaults(error.errors?.length ? error.errors : [{pointer: '/', detail: error.message}]);
    }
  }

  function build(lists, values) {
    const groups = [];
    FIELDS.forEach((field, i) => {
      if (field.group) {
        groups.push(h('fieldset', {}, h('legend', {}, field.group)));
        return;
      }
      const id = `field-${i}`;
      const input = control(field, id, lists);
      const fault = h('span', {class: 'fault', id: `${id}-fault`});
      const value = read(values, field.path);
      if (field.type === 'checkbox') input.checked = Boolean(value);
      else input.value = value ?? '';
      inputs.set(field, input);
      faults.set(field, fault);
      input.addEventListener('input', () => {
        if (field.type === 'network') {
          const size = [...inputs.keys()].find((f) => f.path === 'image_size');
          inputs.get(size).value = lists.networks.find((m) => m.id === input.value).image_size;
        }
        checkSoon();
      });
      groups.at(-1).append(h('div', {class: 'field'}, h('label', {for: id}, field.label), input,
        h('span', {class: 'hint', id: `${id}-hint`}, field.hint ?? ''), fault));
    });
    holder.replaceChildren(h('form', {onsubmit: submit, novalidate: true}, h('div', {class: 'groups'}, groups),
      h('h2', {}, 'Before it starts'), preview, general, h('p', {}, start)));
  }

  (async () => {
    try {
      const [networks, datasets, usual] = await Promise.all([api.networks(), api.datasets(), api.tryJob({})]);
      const {name, settings} = from ? await api.getJob(from) : usual;
      const values = {name, ...settings};
      build({networks, datasets: datasets.filter((d) => d.available)}, values);
      await check();
    } catch (error) {
      holder.replaceChildren(h('p', {class: 'fault', role: 'alert'}, error.message));
    }
  })();

  return {element, update() {}, destroy: () => clearTimeout(timer)};
}
