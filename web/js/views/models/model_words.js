// What is so with a model, in words.

import {h} from '../../dom.js';
import {NONE, number, percent} from '../../format.js';

/** What the bare name stands for: its alias production, where there is one, else its newest version. */
export const meant = (model) => model.versions.find((v) => v.version === model.aliases.production) ?? model.versions[0];

/** "production 2, next 3" */
export const aliasText = ({aliases}) => Object.entries(aliases).map(([name, version]) => `${name} → ${version}`).join(', ') || NONE;

/** The figure that counts, and where it comes from: an evaluation, else its training. */
export function accuracyOf({evaluation, metrics}) {
  if (evaluation) return {value: evaluation.accuracy, from: `${evaluation.split} examples of ${evaluation.dataset.name}, ${evaluation.id}`};
  if ((metrics?.test_accuracy ?? null) !== null) return {value: metrics.test_accuracy, from: 'test examples, in its training'};
  return {value: metrics?.validation_accuracy, from: (metrics?.validation_accuracy ?? null) === null ? '' : 'validation examples, in its training'};
}

export const accuracyText = (version) => percent(accuracyOf(version).value);
export const topText = ({evaluation, metrics}) => percent(evaluation ? evaluation.top5_accuracy : metrics?.test_top5_accuracy);
export const lossText = ({evaluation, metrics}) => number(evaluation ? evaluation.loss : metrics?.test_loss ?? metrics?.validation_loss);

/** The address of a data set that a model was trained on, null where there is none any more to be told. */
export const datasetPath = ({dataset, settings}) => {
  const id = dataset?.id ?? settings?.dataset;
  return typeof id === 'string' && id !== '' ? `#/datasets/${id}` : null;
};

/** Where a version comes from, as elements. */
export function sourceNodes({source}) {
  if (source.kind !== 'job') return ['an upload'];
  return [h('a', {href: `#/runs/${source.job}`}, source.job), `, ${source.checkpoint}`];
}
