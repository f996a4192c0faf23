// What a network gets right and wrong: an evaluation of a run's best checkpoint, or of a version of a model. Here is
// which one is shown, how it comes to be, and when it is read; found.js shows what it found.

import * as api from '../api.js';
import {actionButton, h, setText, setUsable} from '../dom.js';
import {counted, grouped, span} from '../format.js';
import {foundSection} from './found.js';
import {isDone} from './words.js';

const GAP_MS = 1000, RETRY_MS = 5000;

function sentence(subject, evaluation) {
  if (!evaluation) return subject.none;
  const what = `${subject.name(evaluation)} on the ${evaluation.split} examples of ${evaluation.dataset.name}${evaluation.test_time_flips ? ', with test-time flips' : ''}`;
  const {done, total} = evaluation.progress;
  if (evaluation.status === 'queued') return `${what}: it waits for its turn.`;
  if (evaluation.status === 'running') return `${what}: ${grouped(done)} of ${counted(total, 'example')} …`;
  if (evaluation.status === 'failed') return `${what}: it failed. ${evaluation.error.message}`;
  return `${what}, computed in ${evaluation.figures.precision} in ${span(evaluation.seconds)}.`;
}

/** {element, update(subject), watch(evaluation), destroy()}. */
export function evaluationPanel(state) {
  let evaluation = null, read = 0, reading = false, failed = false, subject = null, sought = null, generation = 0;
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
  const found = foundSection(fault);
  const element = h('section', {class: 'evaluation', hidden: true}, h('div', {class: 'bar'}, h('h2', {}, 'Evaluation'), ask), said, fault, found.element);

  function show() {
    element.hidden = !evaluation && subject.isHidden;
    setText(said, sentence(subject, evaluation));
    ask.hidden = !state.mayWrite || !subject.ask || Boolean(evaluation && evaluation.status !== 'failed');
    setUsable(ask, state.isCurrent);
    found.element.hidden = evaluation?.status !== 'succeeded';
    if (!found.element.hidden) found.show(evaluation);
  }

  async function refresh() {
    const asked = generation, {wanted} = subject;
    reading = true;
    read = performance.now();
    try {
      const answer = await (evaluation && !isDone(evaluation) ? api.evaluation(evaluation.id) : subject.find());
      if (asked === generation) {
        evaluation = answer;
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
      evaluation = sought = null;
      read = 0;
      failed = false;
      setText(fault, '');
      found.leave();
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
    found.update(state);
    show();
  }, watch(started) {
    generation++;
    evaluation = started;
    show();
  }, destroy: () => found.destroy()};
}
