// What a panel of an evaluation is about: a run, a version of a model, or one evaluation by itself.

import * as api from '../api.js';
import {isEnded} from '../known/job.js';
import {isDone} from './words.js';

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
