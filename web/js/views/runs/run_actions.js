// What can be done with a run. Each button stays in its place, usable or not, so that the focus stays too.

import * as api from '../../api.js';
import {actionButton, announce, h, setAttribute, setText, setUsable} from '../../dom.js';
import {copyButton} from '../../clipboard.js';
import {title} from '../../describe.js';
import {openDialog} from '../../dialog.js';
import {isolated} from '../../format.js';
import {popup} from '../../popup.js';
import {isEnded} from '../../known/job.js';
import {editLabels} from '../labels_edit.js';
import {askToRegister} from './run_models.js';

const STEERING = [
  {name: 'Stop', run: api.stop, when: ['queued', 'running'], why: 'It does not run'},
  {name: 'Resume', run: api.resume, when: ['stopped', 'failed'], why: 'Only what was stopped or has failed can go on'},
];

/** A job as one posts it. */
const requestOf = (job) => ({...(job.name ? {name: job.name} : {}), ...job.settings, ...(Object.keys(job.metadata ?? {}).length ? {metadata: job.metadata} : {})});

const lastCheckpoint = (history) => history.findLast((e) => e.type === 'checkpoint')?.id ?? 0;

/** {element, fault, update(job)} */
export function runActions(state, id) {
  const fault = h('p', {class: 'fault', role: 'alert'});
  let asked = null;  // the id of the last checkpoint's event when a checkpoint was asked for

  async function act(name, call) {
    setText(fault, '');
    try {
      const job = await call(id);
      if (job) state.jobs.put(job);
      announce(`${name}: done`);
      return true;
    } catch (error) {
      setText(fault, `${name}: ${error.message}`);
      return false;
    }
  }

  const buttons = STEERING.map(({name, run, when, why}) => ({when, why, element: actionButton(name, () => act(name, run))}));
  const checkpoint = actionButton('Checkpoint now', async () => {
    asked = lastCheckpoint(state.series.history(id));
    showCheckpoint(state.jobs.get(id));
    if (!(await act('Checkpoint', api.checkpoint))) asked = null;
    showCheckpoint(state.jobs.get(id));
  });
  const remove = actionButton('Delete …', () => openDialog({
    title: `Delete ${isolated(title(state.jobs.get(id)))}?`,
    content: [h('p', {}, 'Its curves and checkpoints go with it, for good. Models that were made of it stay.')],
    actions: [{label: 'Delete', class: 'danger', run: async () => {
      await api.remove(id);
      return '#/';
    }}],
    cancel: 'Keep it',
  }), {class: 'danger'});
  const edit = actionButton('Edit …', () => {
    setText(fault, '');
    return editLabels(api.labels.job(id), (job) => state.jobs.put(job)).catch((error) => setText(fault, error.message));
  });
  const register = actionButton('Register as model …', () => askToRegister(state, state.jobs.get(id)));
  const copies = popup('Copy', [
    copyButton('Copy as curl', 'command', () => api.curl('POST', 'v1/jobs', requestOf(state.jobs.get(id)))),
    copyButton('Copy as job file', 'job file', () => `${JSON.stringify(requestOf(state.jobs.get(id)), null, 2)}\n`)]);

  const element = h('span', {class: 'tools'}, buttons.map((b) => b.element), checkpoint, register, edit,
    h('a', {class: 'button', href: `#/new?from=${id}`}, 'Clone with changes'),
    h('a', {class: 'button', href: `#/compare?runs=${id}`}, 'Compare'), copies, remove);

  const because = (why) => (state.mayWrite ? why : 'The token may only read');

  /** From the click until the daemon tells of a checkpoint. */
  function showCheckpoint(job) {
    if (!job) return;
    if (asked !== null && (job.status !== 'running' || lastCheckpoint(state.series.history(id)) > asked)) {
      asked = null;
      announce('Checkpoint written');
    }
    setText(checkpoint, asked === null ? 'Checkpoint now' : 'Writing a checkpoint …');
    setAttribute(checkpoint, 'aria-busy', asked === null ? null : 'true');
    setUsable(checkpoint, state.mayWrite && asked === null && job.status === 'running', because(asked === null ? 'It does not run' : null));
  }

  function update(job) {
    buttons.forEach((b) => setUsable(b.element, state.mayWrite && b.when.includes(job.status), because(b.why)));
    setUsable(remove, state.mayWrite && isEnded(job), because('Stop it first'));
    setUsable(edit, state.mayWrite, because(null));
    // The daemon knows best whether there is a checkpoint: it says so.
    setUsable(register, state.mayWrite && (isEnded(job) || Boolean(job.best?.checkpoint)), because('It has no checkpoint yet'));
    showCheckpoint(job);
  }
  return {element, fault, update};
}
