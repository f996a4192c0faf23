// What can be done with several runs at once: compare, stop, delete.

import * as api from '../../api.js';
import {actionButton, announce, h, setText, setUsable} from '../../dom.js';
import {openDialog} from '../../dialog.js';
import {title} from '../../describe.js';
import {counted, grouped} from '../../format.js';
import {isEnded} from '../../known/job.js';

const SHOWN = 8;

/** Run `call` for each, four at a time; what failed as [[job, message]]. */
async function each(jobs, call) {
  const failed = [];
  const rest = [...jobs];
  const work = async () => {
    for (let job = rest.shift(); job; job = rest.shift()) {
      try {
        await call(job);
      } catch (error) {
        if (error.status !== 404) failed.push(`${title(job)}: ${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({length: 4}, work));
  return failed;
}

export function bulkBar({state, changed}) {
  const {selected} = state.jobs;
  const count = h('strong');
  const compare = h('a', {class: 'button'}, 'Compare');
  const stop = actionButton('Stop …', () => ask('Stop', (j) => j.status === 'queued' || j.status === 'running', api.stop,
    'Each ends after its current step and can be resumed.'));
  const remove = actionButton('Delete …', () => ask('Delete', isEnded, api.remove,
    'Their curves and checkpoints go with them, for good. Models that were made of them stay.'), {class: 'danger'});
  const clear = h('button', {type: 'button', onclick: () => (selected.clear(), changed())}, 'Clear');
  const element = h('div', {class: 'bulk', role: 'group', 'aria-label': 'Selected runs', hidden: true}, count, compare, stop, remove, clear);

  const chosen = () => [...selected].map((id) => state.jobs.get(id)).filter(Boolean);

  function ask(verb, applies, call, consequence) {
    const jobs = chosen().filter(applies);
    const left = selected.size - jobs.length;
    openDialog({
      title: `${verb} ${counted(jobs.length, 'run')}?`,
      content: [h('p', {}, consequence),
        h('ul', {}, jobs.slice(0, SHOWN).map((j) => h('li', {}, h('span', {class: 'clip', title: title(j)}, title(j)), ' ', h('small', {}, j.id))), jobs.length > SHOWN && h('li', {}, `and ${jobs.length - SHOWN} more`)),
        left > 0 && h('p', {class: 'hint'}, `${counted(left, 'selected run')} cannot be ${verb === 'Stop' ? 'stopped' : 'deleted'} as ${left === 1 ? 'it is' : 'they are'}.`)],
      actions: [{label: verb, class: verb === 'Delete' ? 'danger' : 'primary', run: async () => {
        const failed = await each(jobs, (job) => call(job.id));
        for (const job of jobs) state.jobs.ask(job.id);
        if (failed.length) throw new Error(`${counted(failed.length, 'run')} left as before. ${failed.slice(0, SHOWN).join('; ')}`);
        announce(`${verb}: done`);
      }}],
    });
  }

  function update() {
    const jobs = chosen();
    element.hidden = jobs.length === 0;
    setText(count, `${grouped(jobs.length)} selected`);
    compare.setAttribute('href', `#/compare?runs=${jobs.map((j) => j.id).join()}`);
    setUsable(stop, state.mayWrite && jobs.some((j) => j.status === 'queued' || j.status === 'running'));
    setUsable(remove, state.mayWrite && jobs.some(isEnded));
  }
  return {element, update};
}
