// What is so with a job, in words.

import {now} from './clock.js';
import {counted, grouped, NONE, percent, span} from './format.js';

export const STATUSES = ['queued', 'running', 'stopping', 'stopped', 'succeeded', 'failed'];

/** The data set by the name that people gave it; the settings have its id. */
export const datasetName = (job) => job.dataset?.name ?? job.settings.dataset;

/** The settings of a job as people read them: a data set of one's own has its name, too. */
export function readable(job) {
  const {settings} = job, name = datasetName(job);
  return name === settings.dataset ? settings : {...settings, dataset: `${name} (${settings.dataset})`};
}

export const title = (job) => job.name || `${job.settings.network} on ${datasetName(job)}`;

/** Part of the steps that are made, 0 to 1. */
export const share = ({progress: {step, total_steps: total}}) => (total ? step / total : 0);

export const epochText = ({progress: {epoch_position: position}, settings}) => `${position.toFixed(position % 1 ? 2 : 0)} / ${settings.epochs}`;

/** The time that is left; nothing is known of it while the daemon does not answer. */
export function timeLeft(job, state) {
  if (job.status !== 'running' || !job.estimated_finish_at) return NONE;
  return state.isCurrent ? span((new Date(job.estimated_finish_at) - now()) / 1000) : 'not known';
}

/** What a run chooses by: the examples held out, or the test set. */
export const chosenBy = (job) => (job.settings.validation_split > 0 ? 'validation' : 'test');
/** That figure of job.best, an epoch or a checkpoint. */
export const chosen = (figures) => figures?.validation_accuracy ?? figures?.test_accuracy;

const ordinal = (n) => `${n}${n % 100 > 10 && n % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')}`;

export function statusText(job) {
  return job.status === 'queued' && job.queue_position ? `queued, ${ordinal(job.queue_position)}` : job.status;
}

/** Why the run is as it is: {text, bad}, or null where there is nothing to say. */
export function reason(job) {
  const {settings, stop_reason: reason} = job;
  if (job.error) return {text: `It failed: ${job.error.message.replace(/\.$/, '')}.`, bad: true};
  if (job.warning) return {text: job.warning, bad: true};
  if (job.status === 'queued') {
    const place = job.queue_position;
    return place ? {text: place === 1 ? 'Next in the queue.' : `In the queue behind ${counted(place - 1, 'other run')}.`} : null;
  }
  const reasons = {
    completed: `Ended after all its ${counted(settings.epochs, 'epoch')}.`,
    early_stopping: `Ended early: no better ${chosenBy(job)} accuracy for ${counted(settings.early_stopping?.patience ?? 0, 'epoch')}.`,
    max_seconds: `Ended early: its budget of ${span(settings.max_seconds)} was used up.`,
    requested: 'Stopped on request. It can be resumed.',
  };
  return reason ? {text: reasons[reason] ?? `Ended: ${reason.replaceAll('_', ' ')}.`} : null;
}

export function eventText({type, data}) {
  switch (type) {
    case 'created': return 'created';
    case 'status': return `${data.previous} → ${data.status}${data.stop_reason ? ` (${data.stop_reason.replaceAll('_', ' ')})` : ''}${data.error ? `: ${data.error.message}` : ''}`;
    case 'epoch': return `epoch ${data.epoch}: ${data.validation_accuracy == null ? 'test' : 'validation'} accuracy ${percent(chosen(data))}`;
    case 'checkpoint': return `checkpoint at step ${grouped(data.step)}${data.best ? ', the best so far' : ''}`;
    case 'initialized': {
      const fresh = data.new.map(({name}) => name);
      return `started from a trained model: ${grouped(data.taken.length)} of ${grouped(data.taken.length + fresh.length)} tensors taken${fresh.length ? `, new: ${fresh.join(', ')}` : ''}`;
    }
    case 'resumed': return `went on from step ${grouped(data.step)}`;
    case 'updated': return 'name or metadata changed';
    default: return data.message ?? type;
  }
}
