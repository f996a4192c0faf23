// One figure of several runs on one chart, by epochs, steps or time.

import {Chart} from '../../chart/chart.js';
import {h} from '../../dom.js';
import {title} from '../../describe.js';
import {isEnded} from '../../known/job.js';

/** [label, of a series: [its places, its values]] */
export const METRICS = {
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
export const AXES = {epoch: 'epoch', step: 'step', time: 'minutes of training'};

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

/** Why there is no curve: a run that has ended records nothing any more. */
function nothingOf(jobs, drawn) {
  if (jobs.length === 0) return 'Choose a run or more.';
  if (drawn.length < jobs.length) return 'Reading …';
  return jobs.every(isEnded) ? `${jobs.length === 1 ? 'This run has' : 'These runs have'} recorded none.` : 'Nothing recorded yet.';
}

/** The number of a run's colour, which it keeps while others come and go. `chosen` is the set of those that have one. */
function lastingColors(chosen) {
  const colors = new Map();
  return (id) => {
    for (const known of colors.keys()) if (!chosen.has(known)) colors.delete(known);
    const taken = new Set(colors.values());
    for (let n = 0; !colors.has(id); n++) if (!taken.has(n)) colors.set(id, n);
    return colors.get(id);
  };
}

/** The line {x, y} of a run, made anew only when something is added to its series. */
function cachedLines(state) {
  const lines = new Map();  // id -> {line, and what it was made of}
  return (id, metric, axis) => {
    const series = state.series.get(id);
    const mark = [metric, axis, series.curve.step.length, series.epochs.length].join();
    const known = lines.get(id);
    if (known?.mark === mark && known.curve === series.curve) return known.line;
    const [places, y] = METRICS[metric][1](series);
    const line = placed(axis === 'time' ? minutes(series, places) : places[axis], y);
    lines.set(id, {mark, curve: series.curve, line});
    return line;
  };
}

/** {element, show(jobs), destroy()}; the controls are two selects, of METRICS and AXES, and those of controls.js. */
export function compareChart(state, chosen, {metric, axis, smoothing, scale}) {
  const element = h('div');
  const colorOf = lastingColors(chosen), lineOf = cachedLines(state);
  let chart = null;

  function renew() {
    const [label] = METRICS[metric.value];
    if (chart && chart.title === label && chart.xLabel === AXES[axis.value]) return;
    chart?.destroy();
    chart = new Chart({title: label, x: AXES[axis.value], height: 420});
    element.replaceChildren(chart.element);
  }

  return {element, show(jobs) {
    renew();
    const isLoss = metric.value.endsWith('loss');
    scale.element.hidden = !isLoss;
    const drawn = jobs.filter((j) => state.series.get(j.id)?.ready)
      .map((job) => ({label: `${title(job)} (${job.id})`, color: colorOf(job.id), ...lineOf(job.id, metric.value, axis.value)}));
    smoothing.update(drawn);
    chart.set(drawn, {smoothing: smoothing.value, scale: isLoss ? scale.value : 'all', none: nothingOf(jobs, drawn)});
  }, destroy: () => chart?.destroy()};
}
