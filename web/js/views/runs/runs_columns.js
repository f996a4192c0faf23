// The columns that the table of runs can have: what stands in them and what they are sorted by.

import {h, setAttribute, setText} from '../../dom.js';
import {chosen, datasetName, share, statusText, timeLeft, title} from '../../describe.js';
import {flat, flatAt, NONE, number, percent, rate, shortTime, span} from '../../format.js';
import {numberOf} from '../../known/job.js';
import {badge, progress} from './badge.js';

function nameCell() {
  const link = h('a');
  return {element: link, update(job) {
    setAttribute(link, 'href', `#/runs/${job.id}`);
    setAttribute(link, 'title', title(job));
    setText(link, title(job));
  }};
}

/** {key, title, value(job): what it is sorted by, text(job, state) or make(job): what stands there} */
const ALWAYS = [
  {key: 'name', title: 'Name', value: (j) => title(j).toLowerCase(), make: nameCell, rowHeading: true, class: 'name'},
  {key: 'network', title: 'Network', value: (j) => j.settings.network, text: (j) => j.settings.network},
  {key: 'dataset', title: 'Data set', value: (j) => datasetName(j).toLowerCase(), text: datasetName, class: 'file'},
  {key: 'status', title: 'Status', value: statusText, make: badge},
  {key: 'epoch', title: 'Epoch', value: share, make: progress, live: true},
  {key: 'speed', title: 'Speed', value: (j) => j.progress.examples_per_second, text: (j) => rate(j.progress.examples_per_second), class: 'num', live: true},
  {key: 'left', title: 'Time left', value: (j) => (j.estimated_finish_at ? Date.parse(j.estimated_finish_at) : null), text: timeLeft, class: 'num', live: true},
  {key: 'best', title: 'Best accuracy', value: (j) => chosen(j.best), text: (j) => `${percent(chosen(j.best))}${(j.best?.validation_accuracy ?? null) === null ? '' : ' (validation)'}`, class: 'num', live: true},
  {key: 'created', title: 'Created', value: (j) => numberOf(j.id), text: (j) => shortTime(j.created_at), class: 'num'},
];

/** Settings that have a column already. */
const STANDING = new Set(['settings.network', 'settings.dataset']);

const MEASURED = [
  {key: 'loss', title: 'Train loss', value: (j) => j.latest?.loss, text: (j) => number(j.latest?.loss), class: 'num', live: true},
  {key: 'validation_accuracy', title: 'Validation accuracy', value: (j) => j.latest?.validation_accuracy, text: (j) => percent(j.latest?.validation_accuracy), class: 'num', live: true},
  {key: 'test_loss', title: 'Test loss', value: (j) => j.latest?.test_loss, text: (j) => number(j.latest?.test_loss), class: 'num', live: true},
  {key: 'test_accuracy', title: 'Test accuracy', value: (j) => j.latest?.test_accuracy, text: (j) => percent(j.latest?.test_accuracy), class: 'num', live: true},
  {key: 'trained', title: 'Trained for', value: (j) => j.progress.seconds, text: (j) => span(j.progress.seconds), class: 'num', live: true},
  {key: 'finished', title: 'Finished', value: (j) => j.finished_at, text: (j) => shortTime(j.finished_at), class: 'num'},
  {key: 'parent', title: 'Cloned from', value: (j) => j.parent_id && numberOf(j.parent_id), text: (j) => j.parent_id ?? NONE},
];

/** A setting or an entry of the metadata, by its path: "settings.optimizer.momentum". */
function pathColumn(key) {
  const value = (job) => flatAt(job, key);
  const text = (job) => [value(job) ?? NONE].flat().join(', ');
  return {key, title: key.slice(key.indexOf('.') + 1), value, text};
}

const isPath = (key) => /^(settings|metadata)\./.test(key);

/** The keys of columns as one word for the address: a comma parts them, and may stand in a key of metadata. */
export const keysText = (keys) => keys.map((key) => key.replace(/[%,]/g, encodeURIComponent)).join();
export const keysOf = (text) => text.split(',').filter(Boolean).map((key) => key.replace(/%(25|2C)/g, decodeURIComponent));

/** The columns of the table, `chosen` being the keys of those that are not there always. */
export function columnsOf(chosen) {
  const more = chosen.map((key) => MEASURED.find((c) => c.key === key) ?? (isPath(key) ? pathColumn(key) : null)).filter(Boolean);
  return [...ALWAYS.slice(0, -1), ...more, ALWAYS.at(-1)];
}

/** What can be chosen besides: [[heading, [[key, title]]]]. */
export function choices(jobs) {
  const paths = (kind) => [...new Set(jobs.flatMap((j) => flat(j[kind] ?? {}).map(([path]) => path)))].map((p) => [`${kind}.${p}`, p])
    .filter(([key, p]) => p && !STANDING.has(key));
  return [['Measured', MEASURED.map((c) => [c.key, c.title])], ['Settings', paths('settings')], ['Metadata', paths('metadata')]];
}

/** Ascending by what `column` is sorted by, nothing last; `down` turns it around. */
export function sortBy(jobs, column, down) {
  const sign = down ? -1 : 1;
  return jobs.map((job) => [column.value(job) ?? null, numberOf(job.id), job]).sort(([a, m], [b, n]) => {
    if (a === b) return n - m;
    if (a === null || b === null) return a === null ? 1 : -1;
    return (a < b ? -1 : 1) * sign;
  }).map(([, , job]) => job);
}

/** What a search for a job looks through: its name, id, network, data set and metadata. */
export const searchText = (job) =>
  [title(job), job.id, job.settings.network, datasetName(job), job.settings.dataset, ...flat(job.metadata ?? {}).flat()].join(' ');
