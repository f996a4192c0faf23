// What a network gets right and wrong: an evaluation of a run's best checkpoint, or of a version of a model.

import * as api from '../api.js';
import {actionButton, h, scroller, setText, setUsable} from '../dom.js';
import {save} from '../download.js';
import {counted, grouped, isolated, NONE, number, percent, span} from '../format.js';
import {Facts} from '../keyed.js';
import {isEnded} from '../known/job.js';
import {Reading} from '../reading.js';
import {classesTable} from './classes.js';
import {matrix} from './matrix.js';
import {mistakesList} from './mistakes.js';
import {reliability} from './reliability.js';
import {isDone} from './words.js';

const GAP_MS = 1000, RETRY_MS = 5000;

/** The evaluation that a run is shown with: that of its end, else the newest that there is. */
async function findOfJob(job) {
  if (job.evaluation_id) return api.evaluation(job.evaluation_id);
  const [newest] = (await api.evaluations({job: job.id, limit: 1})).data;
  return newest ? api.evaluation(newest.id) : null;
}

/**
 * What a panel is about: {key; wanted: the id of the evaluation that there should be, or null; find(): a promise of an
 * evaluation, or of null; keeps(evaluation): whether it stays though another is wanted; name(evaluation): what was evaluated;
 * ask: what asks for one, or null; isHidden: where there is none; none: what to say then}.
 */
export const ofJob = (job) => ({
  key: job.id, wanted: job.evaluation_id, find: () => findOfJob(job), keeps: (e) => !e.automatic, name: (e) => e.checkpoint,
  ask: job.best?.checkpoint ? () => api.createEvaluation({job: job.id, checkpoint: 'best'}) : null,
  isHidden: !job.best?.checkpoint && !isEnded(job),
  none: isEnded(job) ? 'Its best checkpoint has not been evaluated.' : 'Its best checkpoint is evaluated when the training has succeeded.',
});

/** Of a version of a model: what its card shows in short, or one that is under way. */
export const ofVersion = (name, {version, evaluation}) => ({
  key: `${name}@${version}`, wanted: evaluation?.id ?? null, keeps: (e) => !isDone(e), name: () => `Version ${version}`, ask: null, isHidden: false,
  none: evaluation ? `${evaluation.id}, which found what the card shows, has been deleted.` : 'It has not been evaluated.',
  find: async () => {
    if (evaluation) return api.evaluation(evaluation.id).catch((error) => (error.status === 404 ? null : Promise.reject(error)));
    const [newest] = (await api.evaluations({model: `${name}@${version}`, limit: 1})).data;
    return newest ? api.evaluation(newest.id) : null;
  },
});

/** One evaluation by itself. */
export const ofEvaluation = ({id, model, checkpoint}) => ({
  key: id, wanted: id, find: () => api.evaluation(id), keeps: () => true, name: () => (model ? `Version ${model.version} of ${model.name}` : checkpoint), ask: null, isHidden: false,
  none: '',
});

function confusedList(onChoose) {
  const list = h('ol', {class: 'confused'});
  return {element: list, set(evaluation) {
    const {classes, confused} = evaluation.figures;
    list.replaceChildren(...confused.map(({truth, guess, count}) => h('li', {}, h('div', {},
      h('button', {type: 'button', class: 'quiet', onclick: () => onChoose(truth, guess)}, `${isolated(classes[truth].name)} taken for ${isolated(classes[guess].name)}`), h('span', {class: 'num'}, grouped(count))))));
    if (confused.length === 0) list.replaceChildren(h('li', {}, 'None: every guess is right.'));
  }};
}

/** {element, update(subject), watch(evaluation), destroy()}. */
export function evaluationPanel(state) {
  let evaluation = null, read = 0, reading = false, failed = false, drawn = null, subject = null, sought = null, generation = 0;
  const said = h('p', {class: 'hint'});
  const fault = h('p', {class: 'fault', role: 'alert'});
  const ask = actionButton('Evaluate the best checkpoint', async () => {
    setText(fault, '');
    try {
      evaluation = await subject.ask();
      show();
    } catch (error) {
      setText(fault, error.message);
    }
  }, {class: 'quiet'});
  const facts = new Facts();
  const mistakes = mistakesList(() => {
    confusion.clear();
    mistakes.show(evaluation, null);
  });
  const confusion = matrix((truth, guess) => mistakes.show(evaluation, {truth, guess}));
  const matrixReading = new Reading({read: () => api.confusion(evaluation.id), take: (answer) => {
    setText(fault, '');
    confusion.set(answer);
  }, fail: (error) => setText(fault, `The matrix could not be read: ${error.message}`)});
  const classes = classesTable();
  const pairs = confusedList((truth, guess) => confusion.choose(truth, guess));
  const diagram = h('div');
  const csv = h('button', {type: 'button', class: 'quiet', onclick: async () => {
    setText(fault, '');
    try {
      save(await (await api.open(api.confusionPath(evaluation.id), {accept: 'text/csv'})).blob(), `${evaluation.id}-confusion.csv`);
    } catch (error) {
      setText(fault, `The download failed: ${error.message}`);
    }
  }}, 'matrix .csv');
  const pairsBox = scroller('Most confused');
  pairsBox.append(pairs.element);
  const found = h('div', {hidden: true}, facts.element,
    h('div', {class: 'pair'},
      h('section', {}, h('div', {class: 'bar'}, h('h3', {}, 'Confusion matrix'), h('span', {class: 'tools'}, csv)),
        h('p', {class: 'hint'}, 'Rows: what it was. Columns: what the network took it for. A cell shows its pictures.'), confusion.element),
      mistakes.element,
      h('section', {}, h('h3', {}, 'Most confused'), pairsBox, diagram)),
    h('section', {}, h('h3', {}, 'Each class'), classes.element));
  const element = h('section', {class: 'evaluation', hidden: true}, h('div', {class: 'bar'}, h('h2', {}, 'Evaluation'), ask), said, fault, found);

  function showFound() {
    const {figures} = evaluation;
    facts.set([['Accuracy', percent(evaluation.accuracy)], ['Top 5', percent(evaluation.top5_accuracy)], ['Loss', number(evaluation.loss)],
      ['Macro F1', percent(evaluation.macro_f1)], ['Calibration error', percent(evaluation.calibration_error)],
      ['Temperature', evaluation.temperature === null ? NONE : number(evaluation.temperature)], ['Mistakes', `${grouped(evaluation.mistakes)} of ${grouped(evaluation.examples)}`]]);
    if (drawn === evaluation.id) return;
    drawn = evaluation.id;
    classes.set(figures.classes, evaluation.split);
    pairs.set(evaluation);
    diagram.replaceChildren(reliability(figures.calibration));
    mistakes.show(evaluation, null);
    matrixReading.ask();
  }

  const sentence = () => {
    if (!evaluation) return subject.none;
    const what = `${subject.name(evaluation)} on the ${evaluation.split} examples of ${evaluation.dataset.name}${evaluation.test_time_flips ? ', with test-time flips' : ''}`;
    const {done, total} = evaluation.progress;
    if (evaluation.status === 'queued') return `${what}: it waits for its turn.`;
    if (evaluation.status === 'running') return `${what}: ${grouped(done)} of ${counted(total, 'example')} …`;
    if (evaluation.status === 'failed') return `${what}: it failed. ${evaluation.error.message}`;
    return `${what}, ${figuresOf(evaluation)}.`;
  };
  const figuresOf = (e) => `computed in ${e.figures.precision} in ${span(e.seconds)}`;

  function show() {
    element.hidden = !evaluation && subject.isHidden;
    setText(said, sentence());
    ask.hidden = !state.mayWrite || Boolean(evaluation && !failedOne()) || !subject.ask;
    setUsable(ask, state.isCurrent);
    found.hidden = evaluation?.status !== 'succeeded';
    if (!found.hidden) showFound();
  }
  const failedOne = () => evaluation.status === 'failed';

  async function refresh() {
    const asked = generation, {wanted} = subject;
    reading = true;
    read = performance.now();
    try {
      const found = await (evaluation && !isDone(evaluation) ? api.evaluation(evaluation.id) : subject.find());
      if (asked === generation) {
        evaluation = found;
        sought = wanted;
      }
      if (failed) setText(fault, '');
      failed = false;
    } catch (error) {
      failed = true;
      if (error.status !== 404) setText(fault, `The evaluation could not be read: ${error.message}`);
    }
    reading = false;
    show();
  }

  /** About something else from now on; answers to what was asked before belong to another generation. */
  function turnTo(next) {
    if (next.key !== subject?.key) {
      generation++;
      evaluation = drawn = sought = null;
      read = 0;
      failed = false;
      setText(fault, '');
      matrixReading.leave();
      mistakes.leave();
    }
    subject = next;
  }

  return {element, update(next) {
    turnTo(next);
    const wanted = subject.wanted && subject.wanted !== evaluation?.id && subject.wanted !== sought && !(evaluation && subject.keeps(evaluation));
    // Events tell how far one is that the page knows.
    const heard = evaluation && !isDone(evaluation) ? state.evaluations.get(evaluation.id) : undefined;
    const followed = heard !== undefined && !isDone(heard);
    if (followed) evaluation = heard;
    const open = evaluation ? !isDone(evaluation) && !followed : read === 0 || wanted || failed;
    const gap = failed ? RETRY_MS : GAP_MS;
    if (state.isCurrent && !reading && (open || wanted) && (read === 0 || performance.now() - read >= gap)) refresh();
    matrixReading.update(state);
    mistakes.update(state);
    show();
  }, watch(started) {
    generation++;
    evaluation = started;
    show();
  }, destroy: () => confusion.destroy()};
}
