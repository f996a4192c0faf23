// One run: its curves as the chapter plots them, what it did, and what can be done with it.

import * as api from '../api.js';
import {Chart} from '../chart/chart.js';
import {announce, h, save, scroller, setText, table} from '../dom.js';
import {bytes, grouped, number, percent, rate, span, time, timeLeft, title} from '../format.js';
import {badge, progressBar} from './runs.js';

/** The chapter's three curves. */
export function chapterLines({curve, epochs}) {
  return [
    {label: 'train loss', color: 0, x: curve.epoch, y: curve.loss},
    {label: 'train accuracy', color: 1, dash: [8, 3], x: curve.epoch, y: curve.accuracy},
    {label: 'test accuracy', color: 2, dash: [2, 3], x: epochs.map((e) => e.epoch), y: epochs.map((e) => e.test_accuracy)},
  ];
}

/** Buttons, and at which statuses they work. */
const ACTIONS = [
  {name: 'Stop', run: api.stop, when: ['queued', 'running']},
  {name: 'Resume', run: api.resume, when: ['stopped', 'failed']},
  {name: 'Checkpoint now', run: api.checkpoint, when: ['running']},
];
const ENDED = ['stopped', 'succeeded', 'failed'];

function settings(job) {
  const rows = [];
  const walk = (value, path) => {
    if (value !== null && typeof value === 'object') Object.entries(value).forEach(([k, v]) => walk(v, path ? `${path}.${k}` : k));
    else rows.push([path, String(value)]);
  };
  walk(job.settings, '');
  walk(job.metadata, 'metadata');
  walk(job.environment, 'environment');
  return rows;
}

function facts(job) {
  const p = job.progress;
  return [
    ['Epoch', progressBar(job)],
    ['Step', `${grouped(p.step)} of ${grouped(p.total_steps)}`],
    ['Speed', `${rate(p.examples_per_second)}`],
    ['Time left', job.status === 'running' ? span(timeLeft(job)) : '–'],
    ['Loss', number(job.latest?.loss)],
    ['Train accuracy', percent(job.latest?.accuracy)],
    ['Best test accuracy', job.best ? `${percent(job.best.test_accuracy)} in epoch ${job.best.epoch}` : '–'],
    ['Trained for', span(p.seconds)],
  ];
}

function eventText({type, data}) {
  switch (type) {
    case 'created': return 'created';
    case 'status': return `${data.previous} → ${data.status}${data.stop_reason ? ` (${data.stop_reason})` : ''}${data.error ? `: ${data.error.message}` : ''}`;
    case 'epoch': return `epoch ${data.epoch}: test accuracy ${percent(data.test_accuracy)}`;
    case 'checkpoint': return `checkpoint at step ${grouped(data.step)}${data.best ? ', the best so far' : ''}`;
    case 'resumed': return `went on from step ${grouped(data.step)}`;
    case 'note': return data.message;
    default: return type;
  }
}

export function runView({state}, {path: [id]}) {
  state.watch(id);
  const heading = h('h1');
  const status = h('span');
  const fault = h('p', {class: 'fault', role: 'alert', hidden: true});
  const said = h('p', {class: 'fault', role: 'alert'});
  const summary = h('dl', {class: 'facts'});
  const main = new Chart({title: 'Loss and accuracy', x: 'epoch', y: '', sync: `run-${id}`, height: 380});
  const lr = new Chart({title: 'Learning rate', x: 'epoch', y: '', sync: `run-${id}`, height: 180});
  const speed = new Chart({title: 'Examples per second', x: 'epoch', y: '', sync: `run-${id}`, height: 180});
  const smoothing = h('input', {type: 'range', id: 'smoothing', min: 0, max: 0.98, step: 0.02, value: '0', oninput: () => update()});
  const log = h('input', {type: 'checkbox', id: 'log', onchange: () => update()});
  const epochsHolder = scroller('Epochs');
  const eventsHolder = scroller('Events', 'tall');
  const settingsHolder = scroller('Settings');
  const checkpointsHolder = scroller('Checkpoints');
  const buttons = ACTIONS.map(({name, run, when}) => ({when, element: h('button', {type: 'button', onclick: () => act(name, run)}, name)}));
  const remove = h('button', {type: 'button', class: 'danger', onclick: askDelete}, 'Delete …');
  const get = (kind, type, ending) => h('button', {type: 'button', class: 'quiet',
    onclick: async () => save(await api.download(id, kind, type), `${id}-${kind}.${ending}`)}, `${kind} .${ending}`);

  const element = h('section', {},
    h('div', {class: 'bar'}, heading, status,
      h('span', {class: 'tools'}, buttons.map((b) => b.element),
        h('a', {class: 'button', href: `#/new?from=${id}`}, 'Clone with changes'),
        h('a', {class: 'button', href: `#/compare?runs=${id}`}, 'Compare'), remove)),
    fault, said, summary,
    h('div', {class: 'controls'},
      h('label', {for: 'smoothing'}, 'Smoothing '), smoothing, h('span', {class: 'pair-of'}, log, h('label', {for: 'log'}, 'logarithmic')),
      h('span', {class: 'tools'}, get('curve', 'text/csv', 'csv'), get('curve', 'application/json', 'json'),
        get('epochs', 'text/csv', 'csv'), get('epochs', 'application/json', 'json'))),
    main.element, h('div', {class: 'pair'}, lr.element, speed.element),
    h('h2', {}, 'Epochs'), epochsHolder,
    h('div', {class: 'pair'},
      h('section', {}, h('h2', {}, 'Checkpoints'), checkpointsHolder, h('h2', {}, 'Settings'), settingsHolder),
      h('section', {}, h('h2', {}, 'Events'), eventsHolder)));

  async function act(name, run) {
    setText(said, '');
    try {
      await run(id);
      announce(`${name}: done`);
      state.refresh(id);
    } catch (error) {
      setText(said, error.message);
    }
  }

  function askDelete() {
    const dialog = h('dialog', {'aria-labelledby': 'delete-title'},
      h('h2', {id: 'delete-title'}, 'Delete this run?'),
      h('p', {}, 'Its curves, checkpoints and model go with it, for good.'),
      h('p', {class: 'tools'},
        h('button', {type: 'button', onclick: () => dialog.close()}, 'Keep it'),
        h('button', {type: 'button', class: 'danger', onclick: async () => {
          dialog.close();
          await act('Delete', api.remove);
          if (!said.textContent) location.hash = '#/';
        }}, 'Delete')));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  /** Lists that change seldom are read again when the job has moved on. */
  let readAt = '';
  async function readLists(job) {
    const mark = `${job.status} ${job.progress.epoch} ${job.best?.checkpoint} ${state.series.get(id)?.epochs.length}`;
    if (mark === readAt) return;
    readAt = mark;
    try {
      const [checkpoints, events] = await Promise.all([api.checkpoints(id), api.events(id)]);
      const content = (c) => h('button', {type: 'button', class: 'quiet',
        onclick: async () => save(await api.checkpointContent(id, c.id), `${id}-${c.id}.safetensors`)}, 'Download');
      checkpointsHolder.replaceChildren(checkpoints.length
        ? table('Model files in safetensors', ['Step', 'Epoch', 'Test accuracy', 'Size', '', ''],
          checkpoints.map((c) => [grouped(c.step), c.epoch, percent(c.test_accuracy), bytes(c.bytes), c.best ? 'best' : c.latest ? 'latest' : '', content(c)]))
        : h('p', {class: 'empty'}, 'None yet.'));
      eventsHolder.replaceChildren(table('What happened, newest first', ['Time', 'Event'],
        events.filter((e) => e.type !== 'point').reverse().map((e) => [time(e.created_at), eventText(e)])));
    } catch {
      readAt = '';
    }
  }

  function fillEpochs(epochs, best) {
    epochsHolder.replaceChildren(epochs.length
      ? table('Each epoch', ['Epoch', 'Train loss', 'Train accuracy', 'Test loss', 'Test accuracy', 'Top 5', 'Learning rate', 'Examples/s', 'Duration'],
        epochs.map((e) => [`${e.epoch}${e.epoch === best?.epoch ? ' ★' : ''}`, number(e.train_loss), percent(e.train_accuracy), number(e.test_loss),
          percent(e.test_accuracy), percent(e.test_top5_accuracy), number(e.learning_rate), Math.round(e.examples_per_second), span(e.duration_seconds)]))
      : h('p', {class: 'empty'}, 'The first epoch has not ended.'));
  }

  let filled = -1;
  let shownSettings = '';
  function update() {
    const job = state.jobs.get(id);
    if (!job) {
      setText(heading, state.loaded ? `There is no run ${id}` : 'Reading …');
      return;
    }
    setText(heading, title(job));
    document.title = `${title(job)} – googlenetd`;
    if (status.textContent !== job.status) {
      status.replaceChildren(badge(job.status));
      announce(`The run is ${job.status}`);
    }
    fault.hidden = !job.error;
    setText(fault, job.error ? `It failed: ${job.error.message}.` : '');
    buttons.forEach((b) => { b.element.hidden = !b.when.includes(job.status); });
    remove.hidden = !ENDED.includes(job.status);
    summary.replaceChildren(...facts(job).map(([k, v]) => h('div', {}, h('dt', {}, k), h('dd', {}, v))));

    const series = state.series.get(id);
    if (series?.ready) {
      const options = {smoothing: Number(smoothing.value), log: log.checked,
        mark: job.best && {x: job.best.epoch, label: `best: ${percent(job.best.test_accuracy)}`}};
      const {curve, epochs} = series;
      main.set(chapterLines(series), options);
      lr.set([{label: 'learning rate', color: 3, x: curve.epoch, y: curve.learning_rate}]);
      speed.set([{label: 'examples/s', color: 4, x: epochs.map((e) => e.epoch), y: epochs.map((e) => e.examples_per_second)}]);
      if (filled !== epochs.length) fillEpochs(epochs, job.best);
      filled = epochs.length;
    }
    const text = JSON.stringify(settings(job));
    if (text !== shownSettings) settingsHolder.replaceChildren(table('Every setting, defaults filled in', ['Setting', 'Value'], settings(job)));
    shownSettings = text;
    readLists(job);
  }

  return {element, update, charts: {main}, destroy: () => [main, lr, speed].forEach((c) => c.destroy())};
}
