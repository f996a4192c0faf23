// Several runs on one chart, and only those settings that differ. The selection stands in the address.

import {Chart} from '../chart/chart.js';
import {h, scroller, table} from '../dom.js';
import {percent, title} from '../format.js';

const METRICS = {
  loss: ['Train loss', (s) => [s.curve, s.curve.loss]],
  accuracy: ['Train accuracy', (s) => [s.curve, s.curve.accuracy]],
  test_accuracy: ['Test accuracy', (s) => [columns(s.epochs), s.epochs.map((e) => e.test_accuracy)]],
  test_loss: ['Test loss', (s) => [columns(s.epochs), s.epochs.map((e) => e.test_loss)]],
};
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

function flat(job) {
  const out = {};
  const walk = (value, path) => {
    if (value !== null && typeof value === 'object') Object.entries(value).forEach(([k, v]) => walk(v, path ? `${path}.${k}` : k));
    else out[path] = String(value);
  };
  walk(job.settings, '');
  return out;
}

export function compareView({state}, {query}) {
  const chosen = new Set((query.get('runs') ?? '').split(',').filter(Boolean));
  const metric = h('select', {id: 'metric'}, Object.entries(METRICS).map(([k, [label]]) => h('option', {value: k}, label)));
  const axis = h('select', {id: 'axis'}, Object.entries(AXES).map(([k, label]) => h('option', {value: k}, label)));
  metric.value = METRICS[query.get('metric')] ? query.get('metric') : 'loss';
  axis.value = AXES[query.get('by')] ? query.get('by') : 'epoch';
  const smoothing = h('input', {type: 'range', id: 'compare-smoothing', min: 0, max: 0.98, step: 0.02, value: '0', oninput: () => update()});
  const list = h('ul', {class: 'choices'});
  const differences = scroller('Settings that differ');
  const chartHolder = h('div');
  let chart = null;
  const element = h('section', {}, h('div', {class: 'bar'}, h('h1', {}, 'Compare'),
    ...[['Show', metric], ['by', axis], ['smoothing', smoothing]].map(([text, control]) =>
      h('span', {class: 'pair-of'}, h('label', {for: control.id}, text), control))),
  h('fieldset', {}, h('legend', {}, 'Runs'), list), chartHolder, h('h2', {}, 'Settings that differ'), differences);

  function remember() {
    const parts = new URLSearchParams({runs: [...chosen].join(','), metric: metric.value, by: axis.value});
    history.replaceState(null, '', `#/compare?${parts.toString().replaceAll('%2C', ',')}`);
  }
  metric.addEventListener('change', () => { remember(); update(); });
  axis.addEventListener('change', () => { remember(); update(); });

  let listed = '';
  function fillList(jobs) {
    const mark = jobs.map((j) => j.id + title(j)).join();
    if (mark === listed) return;
    listed = mark;
    list.replaceChildren(...jobs.map((job) => {
      const box = h('input', {type: 'checkbox', id: `pick-${job.id}`, onchange: () => {
        if (box.checked) chosen.add(job.id);
        else chosen.delete(job.id);
        remember();
        update();
      }});
      box.checked = chosen.has(job.id);
      return h('li', {}, box, h('label', {for: box.id}, ` ${title(job)} `, h('small', {}, job.id)));
    }));
  }

  let compared = '';
  function fillDifferences(jobs) {
    const mark = JSON.stringify(jobs.map((j) => [j.id, title(j), j.best?.test_accuracy]));
    if (mark === compared) return;
    compared = mark;
    const settings = jobs.map(flat);
    const keys = [...new Set(settings.flatMap(Object.keys))].filter((k) => new Set(settings.map((s) => s[k])).size > 1);
    differences.replaceChildren(jobs.length < 2 ? h('p', {class: 'empty'}, 'Choose two runs or more.')
      : table('Only what differs, and the outcome', ['Setting', ...jobs.map(title)],
        [...keys.map((k) => [k, ...settings.map((s) => s[k] ?? '–')]), ['best test accuracy', ...jobs.map((j) => percent(j.best?.test_accuracy))]]));
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

  function update() {
    const all = [...state.jobs.values()].reverse();
    fillList(all);
    const jobs = all.filter((j) => chosen.has(j.id)).reverse();
    jobs.forEach((j) => state.watch(j.id));
    const [label] = METRICS[metric.value];
    if (!chart || chart.title !== label || chart.labels.x !== AXES[axis.value]) {
      chart?.destroy();
      chart = new Chart({title: label, x: AXES[axis.value], y: '', sync: 'compare', height: 420});
      chartHolder.replaceChildren(chart.element);
    }
    chart.set(jobs.filter((j) => state.series.get(j.id)?.ready)
      .map((job) => ({label: `${title(job)} (${job.id})`, color: colorOf(job.id), ...lineOf(job.id)})), {smoothing: Number(smoothing.value)});
    // After the frame that shows the curves.
    requestAnimationFrame(() => setTimeout(() => fillDifferences(jobs)));
  }
  return {element, update, destroy: () => chart?.destroy()};
}
