// The curves of one run: four charts that share one cursor.

import {Chart} from '../../chart/chart.js';
import {ChartGroup} from '../../chart/group.js';
import {h} from '../../dom.js';
import {chosen} from '../../describe.js';
import {percent} from '../../format.js';
import {scaleControl, smoothingControl} from './controls.js';

/** The epochs that have the figure: without held-out examples none has a validation, with them only the last a test. */
function at(epochs, key) {
  const has = epochs.filter((e) => (e[key] ?? null) !== null);
  return {x: has.map((e) => e.epoch), y: has.map((e) => e[key])};
}

function linesOf({curve, epochs}) {
  const validation = (key) => (epochs.some((e) => (e[key] ?? null) !== null)
    ? [{label: key.replace('_', ' '), color: 2, dash: [2, 3], ...at(epochs, key)}] : []);
  return {
    loss: [{label: 'train loss', color: 0, x: curve.epoch, y: curve.loss}, {label: 'test loss', color: 1, dash: [6, 3], ...at(epochs, 'test_loss')}, ...validation('validation_loss')],
    accuracy: [{label: 'train accuracy', color: 0, x: curve.epoch, y: curve.accuracy}, {label: 'test accuracy', color: 1, dash: [6, 3], ...at(epochs, 'test_accuracy')}, ...validation('validation_accuracy')],
    rate: [{label: 'learning rate', color: 3, x: curve.epoch, y: curve.learning_rate}],
    speed: [{label: 'examples/s', color: 2, ...at(epochs, 'examples_per_second')}],
  };
}

/** {controls, element, show(job, series), destroy()}. */
export function runCurves(changed) {
  const group = new ChartGroup();
  const charts = {
    loss: new Chart({title: 'Loss', x: 'epoch', group, height: 330}),
    accuracy: new Chart({title: 'Accuracy', x: 'epoch', group, height: 330}),
    rate: new Chart({title: 'Learning rate', x: 'epoch', group, height: 180}),
    speed: new Chart({title: 'Examples per second', x: 'epoch', group, height: 180}),
  };
  const smoothing = smoothingControl(changed);
  const scale = scaleControl(changed);
  const element = h('div', {class: 'pair two-low'}, charts.loss.element, charts.accuracy.element, charts.rate.element, charts.speed.element);
  return {element, controls: [smoothing.element, scale.element], show(job, series) {
    const lines = linesOf(series);
    const mark = job.best && {x: job.best.epoch, label: `best: ${percent(chosen(job.best))}`};
    smoothing.update([...lines.loss, ...lines.accuracy]);
    charts.loss.set(lines.loss, {smoothing: smoothing.value, scale: scale.value, mark: job.best && {x: job.best.epoch, label: ''}});
    charts.accuracy.set(lines.accuracy, {smoothing: smoothing.value, mark});
    charts.rate.set(lines.rate);
    charts.speed.set(lines.speed);
  }, destroy: () => Object.values(charts).forEach((c) => c.destroy())};
}
