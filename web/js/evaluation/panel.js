// What a run's network gets right and wrong: the evaluation of its best checkpoint.

import * as api from '../api.js';
import {actionButton, h, scroller, setText, setUsable} from '../dom.js';
import {save} from '../download.js';
import {counted, grouped, NONE, number, percent, span} from '../format.js';
import {Facts} from '../keyed.js';
import {isEnded} from '../state.js';
import {classesTable} from './classes.js';
import {matrix} from './matrix.js';
import {mistakesList} from './mistakes.js';
import {reliability} from './reliability.js';

const GAP_MS = 1000, RETRY_MS = 5000;
const isDone = (evaluation) => ['succeeded', 'failed'].includes(evaluation.status);

/** The evaluation that a run is shown with: that of its end, else the newest that there is. */
async function find(job) {
  if (job.evaluation_id) return api.evaluation(job.evaluation_id);
  const [newest] = (await api.evaluations({job: job.id, limit: 1})).data;
  return newest ? api.evaluation(newest.id) : null;
}

function confusedList(onChoose) {
  const list = h('ol', {class: 'confused'});
  return {element: list, set(evaluation) {
    const {classes, confused} = evaluation.figures;
    list.replaceChildren(...confused.map(({truth, guess, count}) => h('li', {},
      h('button', {type: 'button', class: 'quiet', onclick: () => onChoose(truth, guess)}, `${classes[truth].name} taken for ${classes[guess].name}`), ` ${grouped(count)}`)));
    if (confused.length === 0) list.replaceChildren(h('li', {}, 'None: every guess is right.'));
  }};
}

/** {element, update(job), destroy()}. */
export function evaluationPanel(state) {
  let evaluation = null, read = 0, reading = false, failed = false, drawn = null, jobNow = null;
  const said = h('p', {class: 'hint'});
  const fault = h('p', {class: 'fault', role: 'alert'});
  const ask = actionButton('Evaluate the best checkpoint', async () => {
    setText(fault, '');
    try {
      evaluation = await api.createEvaluation({job: jobNow.id, checkpoint: 'best'});
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
      h('section', {}, h('h3', {}, 'Most confused'), pairsBox, diagram),
      h('section', {}, h('h3', {}, 'Each class'), classes.element)));
  const element = h('section', {class: 'evaluation', hidden: true}, h('div', {class: 'bar'}, h('h2', {}, 'Evaluation'), ask), said, fault, found);

  function showFound() {
    const {figures} = evaluation;
    facts.set([['Accuracy', percent(evaluation.accuracy)], ['Top 5', percent(evaluation.top5_accuracy)], ['Loss', number(evaluation.loss)],
      ['Macro F1', percent(evaluation.macro_f1)], ['Calibration error', percent(evaluation.calibration_error)],
      ['Temperature', evaluation.temperature === null ? NONE : number(evaluation.temperature)], ['Mistakes', `${grouped(evaluation.mistakes)} of ${grouped(evaluation.examples)}`]]);
    if (drawn === evaluation.id) return;
    drawn = evaluation.id;
    classes.set(figures.classes);
    pairs.set(evaluation);
    diagram.replaceChildren(reliability(figures.calibration));
    mistakes.show(evaluation, null);
    api.confusion(evaluation.id).then((answer) => confusion.set(answer), (error) => setText(fault, `The matrix could not be read: ${error.message}`));
  }

  const sentence = () => {
    if (!evaluation) return isEnded(jobNow) ? 'Its best checkpoint has not been evaluated.' : 'Its best checkpoint is evaluated when the training has succeeded.';
    const what = `${evaluation.checkpoint} on the ${evaluation.split} examples of ${evaluation.dataset.name}`;
    const {done, total} = evaluation.progress;
    if (evaluation.status === 'queued') return `${what}: it waits for its turn.`;
    if (evaluation.status === 'running') return `${what}: ${grouped(done)} of ${counted(total, 'example')} …`;
    if (evaluation.status === 'failed') return `${what}: it failed. ${evaluation.error.message}`;
    return `${what}, ${figuresOf(evaluation)}.`;
  };
  const figuresOf = (e) => `computed in ${e.figures.precision} in ${span(e.seconds)}`;

  function show() {
    const job = jobNow;
    element.hidden = !job || (!evaluation && !job.best?.checkpoint && !isEnded(job));
    setText(said, sentence());
    ask.hidden = !state.mayWrite || Boolean(evaluation && !failedOne()) || !job.best?.checkpoint;
    setUsable(ask, state.isCurrent);
    found.hidden = evaluation?.status !== 'succeeded';
    if (!found.hidden) showFound();
  }
  const failedOne = () => evaluation.status === 'failed';

  async function refresh(job) {
    reading = true;
    read = performance.now();
    try {
      evaluation = evaluation && !isDone(evaluation) ? await api.evaluation(evaluation.id) : await find(job);
      failed = false;
    } catch (error) {
      failed = true;
      if (error.status !== 404) setText(fault, `The evaluation could not be read: ${error.message}`);
    }
    reading = false;
    show();
  }

  return {element, update(job) {
    jobNow = job;
    const wanted = job.evaluation_id && evaluation?.id !== job.evaluation_id && !(evaluation && !evaluation.automatic);
    const open = evaluation ? !isDone(evaluation) : read === 0 || wanted || failed;
    const gap = failed ? RETRY_MS : GAP_MS;
    if (state.isCurrent && !reading && (open || wanted) && (read === 0 || performance.now() - read >= gap)) refresh(job);
    show();
  }, destroy: () => confusion.destroy()};
}
