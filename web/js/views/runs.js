// All runs: a table, newest first.

import {h, scroller, setText} from '../dom.js';
import {percent, rate, span, time, timeLeft, title} from '../format.js';
import * as api from '../api.js';

export const STATUSES = ['queued', 'running', 'stopping', 'stopped', 'succeeded', 'failed'];

export const badge = (status) => h('span', {class: `badge ${status}`}, status);

export function progressBar(job) {
  const {step, total_steps: total, epoch_position: position} = job.progress;
  const share = total ? step / total : 0;
  return h('span', {class: 'progress'},
    h('progress', {max: 1, value: share, 'aria-label': `Progress of ${title(job)}`}),
    h('span', {}, `${position.toFixed(position % 1 ? 2 : 0)} / ${job.settings.epochs}`));
}

const COLUMNS = ['Name', 'Network', 'Status', 'Epoch', 'Examples', 'Time left', 'Best test accuracy', 'Created'];

function row(job) {
  const left = job.status === 'running' ? span(timeLeft(job)) : '–';
  return h('tr', {'data-id': job.id},
    h('th', {scope: 'row'}, h('a', {href: `#/runs/${job.id}`}, title(job))),
    h('td', {'data-label': 'Network'}, job.settings.network),
    h('td', {'data-label': 'Status'}, badge(job.status)),
    h('td', {'data-label': 'Epoch'}, progressBar(job)),
    h('td', {'data-label': 'Examples', class: 'num'}, rate(job.progress.examples_per_second)),
    h('td', {'data-label': 'Time left', class: 'num'}, left),
    h('td', {'data-label': 'Best test accuracy', class: 'num'}, percent(job.best?.test_accuracy)),
    h('td', {'data-label': 'Created'}, time(job.created_at)));
}

const byNewest = (a, b) => Number(b.id.replace(/\D/g, '')) - Number(a.id.replace(/\D/g, ''));

function emptyList() {
  const fault = h('p', {class: 'fault', role: 'alert'});
  const start = async () => {
    try {
      const job = await api.createJob({name: 'GoogLeNet on Fashion-MNIST, as in the d2l.ai chapter'});
      location.hash = `#/runs/${job.id}`;
    } catch (error) {
      setText(fault, error.message);
    }
  };
  return h('div', {class: 'blank'},
    h('h2', {}, 'No runs yet'),
    h('p', {}, 'A run trains a network on a dataset and shows its curves here. Begin with the d2l.ai chapter’s: ',
      'GoogLeNet on Fashion-MNIST, 10 epochs of 60,000 images.'),
    h('p', {}, h('button', {type: 'button', class: 'primary', onclick: start}, 'Start the chapter’s run'), ' ',
      h('a', {class: 'button', href: '#/new'}, 'Choose the settings')), fault);
}

export function runsView({state}) {
  let filter = '';
  const select = h('select', {id: 'filter', onchange: () => { filter = select.value; update(); }},
    h('option', {value: ''}, 'all statuses'), STATUSES.map((s) => h('option', {value: s}, s)));
  const body = h('tbody');
  const list = scroller('Runs');
  list.append(h('table', {class: 'runs'},
    h('caption', {class: 'hidden'}, 'Runs, newest first'),
    h('thead', {}, h('tr', {}, COLUMNS.map((c) => h('th', {scope: 'col'}, c)))), body));
  const bar = h('div', {class: 'bar'}, h('h1', {}, 'Runs'),
    h('label', {for: 'filter'}, 'Show '), select, h('a', {class: 'button primary', href: '#/new'}, 'New run'));
  const rest = h('div');
  const element = h('section', {}, bar, list, rest);
  let empty = null;

  function update() {
    const jobs = [...state.jobs.values()].sort(byNewest).filter((j) => !filter || j.status === filter);
    list.hidden = jobs.length === 0;
    // Keep the focus where it is while rows are renewed around it.
    const focused = document.activeElement?.closest?.('tr')?.dataset.id;
    body.replaceChildren(...jobs.map(row));
    if (focused) body.querySelector(`tr[data-id="${focused}"] a`)?.focus();
    if (state.loaded && state.jobs.size === 0) {
      empty ??= emptyList();
      if (!empty.isConnected) rest.replaceChildren(empty);
    } else {
      rest.replaceChildren(jobs.length || !state.loaded ? '' : h('p', {class: 'empty'}, `No run is ${filter}.`));
    }
  }
  return {element, update};
}
