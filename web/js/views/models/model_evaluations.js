// The evaluations of a model's versions, the newest first: on what, how, when, and what was found.

import * as api from '../../api.js';
import {actionButton, announce, h, scroller, setAttribute, setText, setUsable} from '../../dom.js';
import {openDialog} from '../../dialog.js';
import {figureText, isDone} from '../../evaluation/words.js';
import {grouped, NONE, number, percent, shortTime} from '../../format.js';
import {Table} from '../../keyed.js';

/** The versions that an evaluation is of: one of a job's checkpoint is of each that was made of it. */
const versionsOf = (model, {id, model: named, job_id: job, checkpoint}) => (named ? [named.version]
  : model.versions.filter((v) => v.evaluation?.id === id || (v.source.job === job && v.source.checkpoint === checkpoint)).map((v) => v.version));

/** Cancels or deletes an evaluation. What goes wrong is said in `fault`; `back` is the address to go to from one that is deleted, if any. */
export function endButton(state, evaluation, fault, back = null) {
  const {id} = evaluation;
  const end = async () => {
    if (isDone(state.evaluations.get(id) ?? evaluation)) await api.removeEvaluation(id);
    else state.evaluations.put(await api.cancelEvaluation(id));
  };
  const button = actionButton('', () => {
    setText(fault, '');
    if (!isDone(state.evaluations.get(id) ?? evaluation)) return end().then(() => announce(`${id} is cancelled`), (error) => setText(fault, `${id}: ${error.message}`));
    return openDialog({title: `Delete ${id}?`, cancel: 'Keep it', content: [h('p', {}, 'What it found goes, for good; it can be computed again as long as the model and the data set are there.')],
      actions: [{label: 'Delete', class: 'danger', run: async () => {
        await end();
        state.evaluations.forget(id);
        announce(`${id} is deleted`);
        return back;
      }}]});
  }, {class: 'quiet danger'});
  return {element: button, update(e) {
    const word = isDone(e) ? 'Delete …' : 'Cancel';
    setText(button, word);
    setAttribute(button, 'aria-label', `${word} ${id}`);
    setUsable(button, state.mayWrite);
  }};
}

/** {element, set(model)}; onShow(version) is called when one is to be looked at. */
export function evaluationsTable({state}, onShow) {
  const fault = h('p', {class: 'fault', role: 'alert'});
  let model = null;

  function nameCell(evaluation) {
    const link = h('a', {class: 'clip short', href: `#/evaluations/${evaluation.id}`});
    return {element: link, update(e) {
      setText(link, e.name || e.id);
      setAttribute(link, 'title', e.id);
    }};
  }

  function versionCell(evaluation) {
    const cell = h('span');
    let shown = null;
    return {element: cell, update() {
      const versions = versionsOf(model, evaluation);
      if (shown === String(versions)) return;
      shown = String(versions);
      cell.replaceChildren(...versions.flatMap((v, i) => [i ? ', ' : '', h('button', {type: 'button', class: 'link', 'aria-label': `Version ${v}, of ${evaluation.id}`, onclick: () => onShow(v)}, String(v))]));
      if (versions.length === 0) setText(cell, evaluation.job_id ?? NONE);
    }};
  }

  function foundCell() {
    const text = h('span');
    return {element: text, update(e) {
      setText(text, figureText(e));
      setAttribute(text, 'title', e.error?.message ?? null);
    }};
  }

  const setCell = ({dataset: {id, name}}) => ({element: h('a', {class: 'clip short', href: `#/datasets/${id}`, title: name}, name)});
  const table = new Table({caption: 'Evaluations, newest first', captionHidden: true, className: 'runs sets evaluations', keyOf: (e) => e.id, attributes: (e) => ({'data-id': e.id}), columns: [
    {title: 'Evaluation', make: nameCell, rowHeading: true}, {title: 'Version', make: versionCell},
    {title: 'Data set', make: setCell}, {title: 'Examples', text: (e) => `${e.examples === null ? (e.limit ? grouped(e.limit) : 'all') : grouped(e.examples)} ${e.split}`, class: 'num'},
    {title: 'Flips', text: (e) => (e.test_time_flips ? 'with flips' : 'without')}, {title: 'Accuracy', make: foundCell, class: 'num'},
    {title: 'Top 5', text: (e) => percent(e.top5_accuracy), class: 'num'}, {title: 'Loss', text: (e) => number(e.loss), class: 'num'},
    {title: 'Macro F1', text: (e) => percent(e.macro_f1), class: 'num'}, {title: 'Calibration error', text: (e) => percent(e.calibration_error), class: 'num'},
    {title: 'Ended', text: (e) => shortTime(e.finished_at), class: 'num'}, {title: 'Remove', make: (e) => endButton(state, e, fault)}]});
  const list = scroller('Evaluations');
  list.append(table.element);
  const none = h('p', {class: 'empty'});
  const older = actionButton('Show older ones', () => state.evaluations.readOlder(), {class: 'quiet'});
  const element = h('div', {}, fault, none, list, older);
  return {element, set(next) {
    const {evaluations} = state;
    model = next;
    evaluations.wantFigures(model);
    const all = evaluations.all;
    list.hidden = all.length === 0;
    older.hidden = !evaluations.older;
    setText(none, all.length ? '' : evaluations.error ? `The evaluations could not be read: ${evaluations.error}` : evaluations.loaded ? 'None yet: “Evaluate …” below asks for one.' : 'Reading …');
    none.hidden = all.length > 0;
    table.set(all);
  }};
}
