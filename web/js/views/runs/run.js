// One run: its curves, what it did, and what can be done with it.

import * as api from '../../api.js';
import {downloadSeries} from '../../download.js';
import {announce, h, setAttribute, setText} from '../../dom.js';
import {chosen, chosenBy, datasetName, reason, share, timeLeft, title} from '../../describe.js';
import {grouped, NONE, number, percent, rate, span, time} from '../../format.js';
import {Facts} from '../../keyed.js';
import {Reading} from '../../reading.js';
import {evaluationPanel} from '../../evaluation/panel.js';
import {ofJob} from '../../evaluation/subjects.js';
import {badge, progress} from './badge.js';
import {runActions} from './run_actions.js';
import {runCurves} from './run_curves.js';
import {missingNote} from '../missing.js';
import {modelsOfRun} from './run_models.js';
import {sourceText} from '../form_fields.js';
import {checkpointsTable, epochsTable, eventsTable, settingsTable} from './run_tables.js';

/** Where the run comes from and what was made of it. */
function family(state, id) {
  const element = h('p', {class: 'family', hidden: true});
  let others = [], shown = '';
  const reading = new Reading({read: () => api.listJobs({parent_id: id, limit: 20}), take: ({data}) => { others = data; }, fail: () => {}});
  reading.ask();
  const link = (job) => h('a', {class: 'clip', href: `#/runs/${job.id}`}, `${job.id}${job.settings ? ` ${title(job)}` : ''}`);
  return {element, update(job) {
    reading.update(state);
    const clones = new Map([...others, ...state.jobs.values()].filter((j) => j.parent_id === id).map((j) => [j.id, j]));
    const parent = job.parent_id && (state.jobs.get(job.parent_id) ?? {id: job.parent_id});
    const source = job.settings?.init_from ?? {};
    const mark = JSON.stringify([sourceText(source), parent && [parent.id, parent.name], [...clones.values()].map((j) => [j.id, j.name])]);
    if (mark === shown) return;
    shown = mark;
    element.hidden = !parent && clones.size === 0 && !sourceText(source);
    const from = source.job ? [link(state.jobs.get(source.job) ?? {id: source.job}), `, ${source.checkpoint}`] : [sourceText(source)];
    element.replaceChildren(...(sourceText(source) ? ['Started from ', ...from, '. '] : []), ...(parent ? ['Cloned from ', link(parent), '. '] : []),
      ...(clones.size ? ['Clones: ', ...[...clones.values()].flatMap((j, i) => (i ? [', ', link(j)] : [link(j)]))] : []));
  }};
}

function seriesButtons(id, fault) {
  const button = (kind, accept, ending) => h('button', {type: 'button', class: 'quiet', onclick: async () => {
    setText(fault, '');
    await downloadSeries(id, kind, accept, `${id}-${kind}.${ending}`).catch((error) => setText(fault, `The download failed: ${error.message}`));
  }}, `${kind} .${ending}`);
  return h('span', {class: 'tools'}, ['curve', 'epochs'].flatMap((kind) => [button(kind, 'text/csv', 'csv'), button(kind, 'application/json', 'json')]));
}

/** What the run has come to, in figures: {element, show(job)}. */
function runFacts(state) {
  const facts = new Facts();
  const bar = progress();
  const network = h('a'), dataset = h('a');
  return {element: facts.element, show(job) {
    const p = job.progress;
    bar.update(job);
    setText(network, job.settings.network);
    setAttribute(network, 'href', `#/network/${job.settings.network}?image_size=${job.settings.image_size}`);
    setText(dataset, datasetName(job));
    setAttribute(dataset, 'href', `#/datasets/${job.settings.dataset}`);
    facts.set([
      ['Epoch', bar.element],
      ['Step', p.total_steps ? `${grouped(p.step)} of ${grouped(p.total_steps)}` : NONE],
      ['Speed', rate(p.examples_per_second)],
      ['Time left', timeLeft(job, state)],
      ['Train loss', number(job.latest?.loss)],
      ['Train accuracy', percent(job.latest?.accuracy)],
      [`Best ${chosenBy(job)} accuracy`, job.best ? `${percent(chosen(job.best))} in epoch ${job.best.epoch}` : NONE],
      ['Trained for', span(p.seconds)],
      ['Started', time(job.started_at)],
      ['Network', network], ['Data set', dataset],
    ]);
  }};
}

export function runView({state, changed, setTitle}, {path: [id]}) {
  state.watch(id);
  state.series.watchEvents(id);
  const heading = h('h1');
  const status = badge();
  const why = h('p', {class: 'reason'});
  const actions = runActions(state, id);
  const facts = runFacts(state);
  const parents = family(state, id);
  const models = modelsOfRun(state, id);
  const charts = runCurves(changed);
  const epochs = epochsTable();
  const events = eventsTable();
  const settings = settingsTable(state);
  const checkpoints = checkpointsTable(id);
  const evaluation = evaluationPanel(state);
  const missing = missingNote('#/', 'All runs');
  const body = h('div', {hidden: true},
    h('div', {class: 'bar'}, heading, status.element, actions.element), why, parents.element, models.element, actions.fault, facts.element,
    h('div', {class: 'controls'}, charts.controls, seriesButtons(id, actions.fault)),
    charts.element,
    evaluation.element,
    h('h2', {}, 'Epochs'), epochs.element,
    h('div', {class: 'pair'},
      h('section', {}, h('h2', {}, 'Checkpoints'), checkpoints.element, h('h2', {}, 'Settings'), settings.element),
      h('section', {}, h('h2', {}, 'Events'), events.element)));
  const element = h('section', {}, missing.element, body);

  let announcedStatus = '';
  function update() {
    const job = state.jobs.get(id);
    const gone = !job && state.jobs.missing.has(id);
    missing.show(job ? null : gone ? `There is no run ${id}` : 'Reading …', gone);
    body.hidden = !job;
    if (!job) {
      setTitle(gone ? 'No such run' : 'Run');
      return;
    }
    setText(heading, title(job));
    setTitle(`${job.status === 'running' ? `${Math.floor(100 * share(job))} % · ` : job.status === 'succeeded' ? '' : `${job.status} · `}${title(job)}`);
    status.update(job);
    if (job.status !== announcedStatus) announce(`The run is ${job.status}`);
    announcedStatus = job.status;
    const said = reason(job);
    why.hidden = !said;
    why.classList.toggle('bad', Boolean(said?.bad));
    setText(why, said?.text ?? '');
    actions.update(job);
    parents.update(job);
    models.update();
    facts.show(job);
    evaluation.update(ofJob(job));
    const series = state.series.get(id);
    if (series?.ready) {
      charts.show(job, series);
      epochs.set(series.epochs, job.best?.epoch);
    }
    events.set(state.series.history(id));
    settings.set(job);
    checkpoints.update(`${state.series.happenings(id)} ${job.status}`);
  }

  return {element, update, destroy() {
    charts.destroy();
    evaluation.destroy();
    state.series.unwatch(id);
  }};
}
