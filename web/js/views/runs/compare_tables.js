// How several runs came out beside each other, and the settings in which they differ.

import {h} from '../../dom.js';
import {chosen as chosenAccuracy, chosenBy, readable, title} from '../../describe.js';
import {flat, NONE, number, percent} from '../../format.js';
import {Table} from '../../keyed.js';

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

/** A figure with a star where it is the best. */
const starred = (value, text, best) => `${text(value)}${best !== null && value === best ? ' ★' : ''}`;

/** A table of how the runs came out, a row for each; `evaluations` by the ids of jobs. */
export function outcomesTable(jobs, evaluations) {
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
export function differencesTable(jobs) {
  const settings = jobs.map((job) => new Map(flat(readable(job)).map(([path, value]) => [path, String(value)])));
  const paths = [...new Set(settings.flatMap((s) => [...s.keys()]))].filter((path) => new Set(settings.map((s) => s.get(path))).size > 1);
  const table = new Table({caption: 'Only what differs', captionHidden: true, keyOf: ([name]) => name,
    columns: ['Setting', ...jobs.map(title)].map((name, i) => ({title: name, head: h('span', {class: 'clip short', title: name}, name), text: (row) => row[i]}))});
  table.set(paths.map((path) => [path, ...settings.map((s) => s.get(path) ?? NONE)]));
  return paths.length ? table.element : h('p', {class: 'empty'}, 'None.');
}
