// The tables of a run: epochs, checkpoints, events, settings. The newest rows of long ones, all on demand.

import * as api from '../../api.js';
import {downloadCheckpoint} from '../../download.js';
import {actionButton, h, scroller, setText} from '../../dom.js';
import {eventText, readable} from '../../describe.js';
import {bytes, flat, grouped, number, percent, span, time} from '../../format.js';
import {Table} from '../../keyed.js';
import {Reading} from '../../reading.js';

const ROWS = 200;
const GAP_MS = 1000;  // between two reads of the checkpoints
const RETRY_MS = 5000;

/** A table of the last rows with a button for all, or a sentence where there are none; nothing before it is known which: {element, set(items)}. */
function longTable({label, none, className = '', newestFirst = false, ...options}) {
  const table = new Table(options);
  const holder = scroller(label, className);
  holder.append(table.element);
  holder.hidden = true;
  const empty = h('p', {class: 'empty', hidden: true}, none);
  let limit = ROWS, items = [];
  const more = h('button', {type: 'button', class: 'quiet', hidden: true, onclick: () => { limit = Infinity; show(); }});
  const show = () => {
    empty.hidden = items.length > 0;
    holder.hidden = items.length === 0;
    more.hidden = items.length <= limit;
    setText(more, `Show all ${grouped(items.length)}`);
    const rows = items.slice(-limit);
    table.set(newestFirst ? rows.reverse() : rows);
  };
  return {element: h('div', {}, empty, more, holder), set(next) {
    items = next;
    show();
  }};
}

export function epochsTable() {
  let best = null;
  const column = (title, text) => ({title, text, class: 'num'});
  const table = longTable({
    label: 'Epochs', none: 'No epoch has ended.', caption: 'Each epoch', keyOf: (e) => e.epoch,
    markOf: (e) => `${e.epoch === best} ${e.step}`,
    columns: [column('Epoch', (e) => `${e.epoch}${e.epoch === best ? ' ★' : ''}`), column('Train loss', (e) => number(e.train_loss)),
      column('Train accuracy', (e) => percent(e.train_accuracy)), column('Validation loss', (e) => number(e.validation_loss)),
      column('Validation accuracy', (e) => percent(e.validation_accuracy)), column('Test loss', (e) => number(e.test_loss)),
      column('Test accuracy', (e) => percent(e.test_accuracy)), column('Top 5', (e) => percent(e.test_top5_accuracy)),
      column('Learning rate', (e) => number(e.learning_rate)), column('Examples/s', (e) => grouped(e.examples_per_second)),
      column('Duration', (e) => span(e.duration_seconds))],
  });
  return {element: table.element, set(epochs, bestEpoch) {
    best = bestEpoch ?? null;
    table.set(epochs);
  }};
}

export function eventsTable() {
  let filled = null;
  const table = longTable({label: 'Events', none: 'Reading …', className: 'tall', newestFirst: true, caption: 'What happened, newest first', keyOf: (e) => e.id, markOf: (e) => e.id,
    columns: [{title: 'Time', text: (e) => time(e.created_at), class: 'num'}, {title: 'Event', text: eventText}]});
  return {element: table.element, set(events) {
    if (events === filled) return;
    filled = events;
    table.set(events);
  }};
}

/** What the run has otherwise than the defaults, and all of it where one asks for that. */
export function settingsTable(state) {
  const make = (caption) => new Table({caption, captionHidden: true, keyOf: ([name]) => name,
    columns: [{title: 'Setting', text: ([name]) => name}, {title: 'Value', text: ([, value]) => String(value)}]});
  const chosen = make('Settings that are not the default, and metadata'), every = make('Every setting');
  const short = scroller('Settings'), long = scroller('Every setting');
  short.append(chosen.element);
  long.append(every.element);
  const element = h('div', {}, short, h('details', {}, h('summary', {}, 'Every setting, defaults filled in, and where it was trained'), long));
  let defaults = null;
  const reading = new Reading({read: api.settings, take: (rows) => { defaults = new Map(rows.flatMap((row) => flat(row.default ?? {}, row.path))); }, fail: () => {}});
  reading.ask();
  return {element, set(job) {
    reading.update(state);
    const {metadata, environment} = job;
    const rows = flat(readable(job)), own = flat(metadata ?? {}, 'metadata');
    chosen.set([...(defaults ? rows.filter(([name, value]) => ['network', 'dataset'].includes(name) || defaults.get(name) !== value) : []), ...own]);
    every.set([...rows, ...own, ...(environment ? flat(environment, 'environment') : [])]);
  }};
}

/** The files of model `id`, read again when `mark` is another. */
export function checkpointsTable(id) {
  const fault = h('p', {class: 'fault', role: 'alert'});
  const save = (checkpoint) => {
    const button = actionButton('Download', async () => {
      setText(fault, '');
      setText(button, 'Downloading …');
      try {
        await downloadCheckpoint(id, checkpoint, `${id}-${checkpoint.id}.safetensors`);
      } catch (error) {
        setText(fault, `The download failed: ${error.message}`);
      }
      setText(button, 'Download');
    }, {class: 'quiet'});
    return {element: button};
  };
  const table = longTable({label: 'Checkpoints', none: 'None was written.', caption: 'Model files in safetensors', keyOf: (c) => c.id,
    columns: [{title: 'Step', text: (c) => grouped(c.step), class: 'num'}, {title: 'Epoch', text: (c) => String(c.epoch)},
      {title: 'Validation accuracy', text: (c) => percent(c.validation_accuracy), class: 'num'},
      {title: 'Test accuracy', text: (c) => percent(c.test_accuracy), class: 'num'}, {title: 'Size', text: (c) => bytes(c.bytes), class: 'num'},
      {title: 'Kind', text: (c) => [c.best && 'best', c.latest && 'latest'].filter(Boolean).join(', ')}, {title: 'File', make: save}]});
  let read = null, readAt = -Infinity;
  async function update(mark) {
    // Small networks write many a second; the page is updated once a second in any case.
    if (mark === read || performance.now() - readAt < GAP_MS) return;
    read = mark;
    readAt = performance.now();
    try {
      table.set(await api.checkpoints(id));
      setText(fault, '');
    } catch (error) {
      if (read === mark) setTimeout(() => { read = null; }, RETRY_MS);
      if (error.status !== 404) setText(fault, `The checkpoints could not be read: ${error.message}`);
    }
  }
  return {element: h('div', {}, fault, table.element), update};
}
