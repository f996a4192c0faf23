// Several runs on one chart, and only those settings that differ. The selection stands in the address.

import * as api from '../../api.js';
import {Chart} from '../../chart/chart.js';
import {h, scroller, setText} from '../../dom.js';
import {chosen as chosenAccuracy, chosenBy, readable, title} from '../../describe.js';
import {flat, NONE, number, percent} from '../../format.js';
import {KeyedRows, Table} from '../../keyed.js';
import {isEnded, numberOf} from '../../known/job.js';
import {scaleControl, smoothingControl} from './controls.js';

const EVALUATION_MS = 2000;  // between two looks at one that has not ended
const LISTED = 100;  // runs to choose from; the table of runs finds the others

const METRICS = {
  loss: ['Train loss', (s) => [s.curve, s.curve.loss]],
  accuracy: ['Train accuracy', (s) => [s.curve, s.curve.accuracy]],
  validation_accuracy: ['Validation accuracy', (s) => figures(s, 'validation_accuracy')],
  validation_loss: ['Validation loss', (s) => figures(s, 'validation_loss')],
  test_accuracy: ['Test accuracy', (s) => figures(s, 'test_accuracy')],
  test_loss: ['Test loss', (s) => figures(s, 'test_loss')],
};
/** Of the epochs that have the figure. */
function figures({epochs}, key) {
  const has = epochs.filter((e) => (e[key] ?? null) !== null);
  return [columns(has), has.map((e) => e[key])];
}
const columns = (epochs) => ({step: epochs.map((e) => e.step), epoch: epochs.map((e) => e.epoch)});
const AXES = {epoch: 'epoch', step: 'step', time: 'minutes of training'};

/**
 * Minutes of training at each place, as the daemon's clock saw them: a point has its own, and an epoch that
 * of the point at its last step. Null for points of a daemon that did not record them yet.
 */
function minutes({curve}, places) {
  const at = new Map(curve.step.map((step, i) => [step, curve.seconds[i]]));
  return places.step.map((step) => (at.get(step) ?? null) === null ? null : at.get(step) / 60);
}

/** The rows that have a place: a chart needs every x. */
function placed(x, y) {
  if (!x.includes(null)) return {x, y};
  const has = x.map((v) => v !== null);
  return {x: x.filter((_, i) => has[i]), y: y.filter((_, i) => has[i])};
}

const evaluatedOn = (e) => (e?.status === 'succeeded' ? `${e.examples} ${e.split} examples of ${e.dataset.name}` : e?.status ?? NONE);

/** What figures were measured on: only where that is the same one is better than another. */
const chosenOn = (job) => JSON.stringify([job.settings.dataset, job.dataset?.digest, chosenBy(job), chosenBy(job) === 'test' && job.settings.test_limit]);
const measuredOn = (_, e) => e && JSON.stringify([e.dataset.id, e.dataset.digest, e.split, e.examples]);

/** How a run came out: [title, value(job, evaluation), in words, which is better, measured on what where not by the evaluation]. */
const FIGURES = [
  ['Best accuracy', (job) => chosenAccuracy(job.best), percent, Math.max, chosenOn], ['Evaluated accuracy', (_, e) => e?.accuracy, percent, Math.max],
  ['Top 5', (_, e) => e?.top5_accuracy, percent, Math.max], ['Macro F1', (_, e) => e?.macro_f1, percent, Math.max], ['Loss', (_, e) => e?.loss, number, Math.min],
  ['Calibration error', (_, e) => e?.calibration_error, percent, Math.min],
];

/** The value that is to be marked; where all are the same there is none. */
function bestOf(values, better) {
  const there = values.filter((v) => (v ?? null) !== null), best = better(...there);
  return there.length > 1 && there.some((v) => v !== best) ? best : null;
}

/** Why there is no curve: a run that has ended records nothing any more. */
function nothingOf(jobs, drawn) {
  if (jobs.length === 0) return 'Choose a run or more.';
  if (drawn.length < jobs.length) return 'Reading …';
  return jobs.every(isEnded) ? `${jobs.length === 1 ? 'This run has' : 'These runs have'} recorded none.` : 'Nothing recorded yet.';
}

/** A figure with a star where it is the best. */
const starred = (value, text, best) => `${text(value)}${best !== null && value === best ? ' ★' : ''}`;

/** A table of how the runs came out, a row for each; `evaluations` by the ids of jobs. */
function outcomesTable(jobs, evaluations) {
  let mixed = false;
  const figures = FIGURES.map(([name, value, text, better, on = measuredOn]) => {
    const values = new Map(jobs.map((job) => [job.id, value(job, evaluations.get(job.id)) ?? null]));
    const same = new Set(jobs.filter((job) => values.get(job.id) !== null).map((job) => on(job, evaluations.get(job.id)))).size < 2;
    const best = same ? bestOf([...values.values()], better) : null;
    mixed ||= !same;
    return {title: name, class: 'num', make: (job) => ({
      element: h('span', best !== null && values.get(job.id) === best ? {class: 'best-value'} : {}, starred(values.get(job.id), text, best))})};
  });
  const table = new Table({caption: `How they came out; the best of each has a star${mixed ? ', but for what was measured on different pictures' : ''}`, keyOf: (j) => j.id, className: 'runs sets outcomes', attributes: (j) => ({'data-id': j.id}), columns: [
    {title: 'Run', rowHeading: true, class: 'name', make: (job) => ({element: h('a', {href: `#/runs/${job.id}`, title: title(job)}, title(job))})}, figures[0],
    {title: 'Chosen by', text: chosenBy}, ...figures.slice(1), {title: 'Evaluated on', text: (job) => evaluatedOn(evaluations.get(job.id)), class: 'file'}]});
  table.set(jobs);
  return table.element;
}

/** A table of the settings that differ. */
function differencesTable(jobs) {
  const settings = jobs.map((job) => new Map(flat(readable(job)).map(([path, value]) => [path, String(value)])));
  const paths = [...new Set(settings.flatMap((s) => [...s.keys()]))].filter((path) => new Set(settings.map((s) => s.get(path))).size > 1);
  const table = new Table({caption: 'Only what differs', captionHidden: true, keyOf: ([name]) => name,
    columns: ['Setting', ...jobs.map(title)].map((name, i) => ({title: name, head: h('span', {class: 'clip short', title: name}, name), text: (row) => row[i]}))});
  table.set(paths.map((path) => [path, ...settings.map((s) => s.get(path) ?? NONE)]));
  return paths.length ? table.element : h('p', {class: 'empty'}, 'None.');
}

const labelled = (text, control) => h('span', {class: 'pair-of'}, h('label', {for: control.id}, text), control);
const options = (entries) => entries.map(([value, text]) => h('option', {value}, text));

export function compareView({state, changed, setTitle}, {query}) {
  const came = new Set((query.get('runs') ?? '').split(',').filter(Boolean));
  const chosen = new Set(came);
  const metric = h('select', {id: 'metric', onchange: () => remember()}, options(Object.entries(METRICS).map(([k, [label]]) => [k, label])));
  const axis = h('select', {id: 'axis', onchange: () => remember()}, options(Object.entries(AXES)));
  metric.value = METRICS[query.get('metric')] ? query.get('metric') : 'loss';
  axis.value = AXES[query.get('by')] ? query.get('by') : 'epoch';
  const smoothing = smoothingControl(changed);
  const scale = scaleControl(() => remember(), query.get('scale') ?? 'fitted');
  const list = h('ul', {class: 'choices'});
  const more = h('p', {class: 'hint', hidden: true}, 'Older runs are chosen in the ', h('a', {href: '#/'}, 'table of runs'), '.');
  const none = h('p', {class: 'hint', hidden: true}, 'There are no runs yet. ', h('a', {href: '#/new'}, 'Start one'), '.');
  const gone = h('p', {class: 'fault', role: 'status'});
  const outcomes = scroller('Outcome'), differences = scroller('Settings that differ');
  const chartHolder = h('div');
  let chart = null;
  const element = h('section', {}, h('div', {class: 'bar'}, h('h1', {}, 'Compare'),
    labelled('Show', metric), labelled('by', axis), smoothing.element, scale.element),
  h('fieldset', {}, h('legend', {}, 'Runs'), list, more, none, gone), chartHolder, h('h2', {}, 'Outcome'), outcomes, h('h2', {}, 'Settings that differ'), differences);

  function remember() {
    const parts = new URLSearchParams({runs: [...chosen].join(','), metric: metric.value, by: axis.value, ...(scale.value === 'fitted' ? {} : {scale: scale.value})});
    history.replaceState(history.state, '', `#/compare?${parts.toString().replaceAll('%2C', ',')}`);
    changed();
  }

  function entry(job) {
    const box = h('input', {type: 'checkbox', id: `pick-${job.id}`, onchange: () => {
      if (box.checked) chosen.add(job.id);
      else chosen.delete(job.id);
      remember();
    }});
    const name = h('span', {class: 'clip'});
    return {element: h('li', {}, box, h('label', {for: box.id}, name, ' ', h('small', {}, job.id))), update(now) {
      box.checked = chosen.has(now.id);
      setText(name, title(now));
    }};
  }
  const entries = new KeyedRows(list, entry);

  const evaluations = new Map();  // id of a job -> the evaluation of its best checkpoint
  const asked = new Map();        // id of a job -> when, in ms
  async function readEvaluation(job) {
    const known = evaluations.get(job.id);
    const open = !known || known.id !== job.evaluation_id || ['queued', 'running'].includes(known.status);
    if (!job.evaluation_id || !open || performance.now() - (asked.get(job.id) ?? -Infinity) < EVALUATION_MS) return;
    asked.set(job.id, performance.now());
    const found = await api.evaluation(job.evaluation_id).catch(() => null);
    if (found) evaluations.set(job.id, found);
    changed();
  }

  let compared = '';
  function fillDifferences(jobs) {
    jobs.forEach(readEvaluation);
    const mark = JSON.stringify(jobs.map((j) => [j.id, title(j), chosenAccuracy(j.best), evaluations.get(j.id)?.status]));
    if (mark === compared) return;
    compared = mark;
    const few = jobs.length < 2 ? h('p', {class: 'empty'}, 'Choose two runs or more.') : null;
    outcomes.replaceChildren(jobs.length ? outcomesTable(jobs, evaluations) : h('p', {class: 'empty'}, 'Choose a run or more.'));
    differences.replaceChildren(few ?? differencesTable(jobs));
  }

  /** A run keeps its colour while others come and go. */
  const colors = new Map();
  function colorOf(id) {
    for (const known of colors.keys()) if (!chosen.has(known)) colors.delete(known);
    const taken = new Set(colors.values());
    for (let n = 0; !colors.has(id); n++) if (!taken.has(n)) colors.set(id, n);
    return colors.get(id);
  }

  const lines = new Map();  // id -> its columns, until something is added to the series
  function lineOf(id) {
    const series = state.series.get(id);
    const mark = [metric.value, axis.value, series.curve.step.length, series.epochs.length].join();
    const known = lines.get(id);
    if (known?.mark === mark && known.curve === series.curve) return known.line;
    const [places, y] = METRICS[metric.value][1](series);
    const line = placed(axis.value === 'time' ? minutes(series, places) : places[axis.value], y);
    lines.set(id, {mark, curve: series.curve, line});
    return line;
  }

  function showChart(jobs) {
    const [label] = METRICS[metric.value];
    if (!chart || chart.title !== label || chart.xLabel !== AXES[axis.value]) {
      chart?.destroy();
      chart = new Chart({title: label, x: AXES[axis.value], height: 420});
      chartHolder.replaceChildren(chart.element);
    }
    const isLoss = metric.value.endsWith('loss');
    scale.element.hidden = !isLoss;
    const drawn = jobs.filter((j) => state.series.get(j.id)?.ready).map((job) => ({label: `${title(job)} (${job.id})`, color: colorOf(job.id), ...lineOf(job.id)}));
    smoothing.update(drawn);
    chart.set(drawn, {smoothing: smoothing.value, scale: isLoss ? scale.value : 'all', none: nothingOf(jobs, drawn)});
  }

  function update() {
    setTitle('Compare');
    for (const id of chosen) if (!state.jobs.missing.has(id)) state.watch(id);
    // Those that one came with first, where they are seen; those chosen here stay in their places.
    const all = state.jobs.values().sort((a, b) => came.has(b.id) - came.has(a.id) || numberOf(b.id) - numberOf(a.id));
    const jobs = all.filter((j) => chosen.has(j.id)).sort((a, b) => numberOf(a.id) - numberOf(b.id));
    entries.set(all.filter((j, i) => i < LISTED || chosen.has(j.id)), (j) => j.id);
    more.hidden = all.length <= LISTED && !state.jobs.older;
    // Such as those of an address that was kept.
    const missing = [...chosen].filter((id) => state.jobs.missing.has(id));
    setText(gone, missing.length ? `There is no run ${missing.join(', ')}: it may have been deleted.` : '');
    none.hidden = !state.jobs.loaded || all.length > 0;
    showChart(jobs);
    // After the frame that shows the curves.
    requestAnimationFrame(() => setTimeout(() => fillDifferences(jobs)));
  }
  return {element, update, destroy() {
    chart?.destroy();
    for (const id of chosen) state.series.unwatch(id);
  }};
}
