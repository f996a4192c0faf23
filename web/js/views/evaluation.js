// One evaluation: of what, on what, and what it found.

import * as api from '../api.js';
import {actionButton, h, setText, setUsable} from '../dom.js';
import {evaluationPanel} from '../evaluation/panel.js';
import {ofEvaluation} from '../evaluation/subjects.js';
import {grouped, NONE, span, time} from '../format.js';
import {Facts} from '../keyed.js';
import {editLabels, notes} from './labels_edit.js';
import {missingNote} from './missing.js';
import {endButton} from './models/model_evaluations.js';

const link = (href, text) => h('a', {href}, text);

const called = ({id, name}) => name || `Evaluation ${id}`;

/** What does not change while one looks. */
function whatNode({model, job_id: job, checkpoint}) {
  if (model) return link(`#/models/${model.name}?version=${model.version}`, `${model.name}, version ${model.version}`);
  return h('span', {}, link(`#/runs/${job}`, job), `, ${checkpoint}`);
}

export function evaluationView({state, setTitle}, {path: [id]}) {
  const heading = h('h1'), missing = missingNote('#/models', 'All models');
  const facts = new Facts(), panel = evaluationPanel(state), tools = h('span', {class: 'tools'}), noted = notes();
  const fault = h('p', {class: 'fault', role: 'alert'});
  const edit = actionButton('Edit …', () => {
    setText(fault, '');
    return editLabels(api.labels.evaluation(id), (e) => state.evaluations.put(e)).catch((error) => setText(fault, error.message));
  }, {class: 'quiet'});
  const body = h('div', {hidden: true}, h('div', {class: 'bar'}, heading, tools), fault, noted.element, facts.element, panel.element);
  const element = h('section', {}, missing.element, body);
  let end = null, nodes = null;
  state.evaluations.watch(null);

  function begin(evaluation) {
    const {model, job_id: job, dataset} = evaluation;
    const back = model ? `#/models/${model.name}` : `#/runs/${job}`;
    nodes = {of: whatNode(evaluation), set: link(`#/datasets/${dataset.id}`, dataset.name)};
    end = endButton(state, evaluation, fault, back);
    tools.replaceChildren(edit, end.element);
  }

  function update() {
    state.evaluations.wantOne(id);
    const evaluation = state.evaluations.get(id);
    const gone = !evaluation && state.evaluations.missing.has(id);
    missing.show(evaluation ? null : gone ? `There is no evaluation ${id}` : state.evaluations.error ?? 'Reading …', gone);
    body.hidden = !evaluation;
    setTitle(gone ? 'No such evaluation' : evaluation ? called(evaluation) : `Evaluation ${id}`);
    if (!evaluation) return;
    if (!end) begin(evaluation);
    end.update(evaluation);
    setUsable(edit, state.mayWrite);
    noted.set(evaluation.metadata);
    setText(heading, called(evaluation));
    facts.set([...(evaluation.name ? [['Id', id]] : []), ['Of', nodes.of], ['Data set', nodes.set], ['Split', evaluation.split],
      ['Examples', evaluation.examples === null ? (evaluation.limit ? `the first ${grouped(evaluation.limit)}` : 'all') : grouped(evaluation.examples)],
      ['Test-time flips', evaluation.test_time_flips ? 'with' : 'without'], ['Asked for', evaluation.automatic ? 'by the end of the training' : time(evaluation.created_at)],
      ['Ended', time(evaluation.finished_at)], ['Took', evaluation.seconds === null ? NONE : span(evaluation.seconds)]]);
    panel.update(ofEvaluation(evaluation));
  }
  return {element, update, destroy() {
    panel.destroy();
    state.evaluations.watch(null);
  }};
}
