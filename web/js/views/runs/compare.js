// Several runs on one chart, and only those settings that differ. The selection stands in the address.

import * as api from '../../api.js';
import {h, scroller, setText} from '../../dom.js';
import {chosen as chosenAccuracy, title} from '../../describe.js';
import {KeyedRows} from '../../keyed.js';
import {numberOf} from '../../known/job.js';
import {AXES, METRICS, compareChart} from './compare_chart.js';
import {differencesTable, outcomesTable} from './compare_tables.js';
import {scaleControl, smoothingControl} from './controls.js';

const EVALUATION_MS = 2000;  // between two looks at one that has not ended
const LISTED = 100;  // runs to choose from; the table of runs finds the others

const labelled = (text, control) => h('span', {class: 'pair-of'}, h('label', {for: control.id}, text), control);
const options = (entries) => entries.map(([value, text]) => h('option', {value}, text));

/** The evaluations of runs' best checkpoints, read again until they have ended: {evaluations: by the ids of jobs, read(job)}. */
function newestEvaluations(changed) {
  const evaluations = new Map();
  const asked = new Map();  // id of a job -> when, in ms
  return {evaluations, async read(job) {
    const known = evaluations.get(job.id);
    const open = !known || known.id !== job.evaluation_id || ['queued', 'running'].includes(known.status);
    if (!job.evaluation_id || !open || performance.now() - (asked.get(job.id) ?? -Infinity) < EVALUATION_MS) return;
    asked.set(job.id, performance.now());
    const found = await api.evaluation(job.evaluation_id).catch(() => null);
    if (found) evaluations.set(job.id, found);
    changed();
  }};
}

export function compareView({state, changed, setTitle}, {query}) {
  const came = new Set((query.get('runs') ?? '').split(',').filter(Boolean));
  const chosen = new Set(came);
  const metric = h('select', {id: 'metric', onchange: () => remember()}, options(Object.entries(METRICS).map(([k, [label]]) => [k, label])));
  const axis = h('select', {id: 'axis', onchange: () => remember()}, options(Object.entries(AXES)));
  metric.value = METRICS[query.get('metric')] ? query.get('metric') : 'loss';
  axis.value = AXES[query.get('by')] ? query.get('by') : 'epoch';
  const smoothing = smoothingControl(changed);
  const scale = scaleControl(() => remember(), query.get('scale') ?? 'fitted');
  const list = h('ul', {class: 'choices'});
  const more = h('p', {class: 'hint', hidden: true}, 'Older runs are chosen in the ', h('a', {href: '#/'}, 'table of runs'), '.');
  const none = h('p', {class: 'hint', hidden: true}, 'There are no runs yet. ', h('a', {href: '#/new'}, 'Start one'), '.');
  const gone = h('p', {class: 'fault', role: 'status'});
  const outcomes = scroller('Outcome'), differences = scroller('Settings that differ');
  const chart = compareChart(state, chosen, {metric, axis, smoothing, scale});
  const element = h('section', {}, h('div', {class: 'bar'}, h('h1', {}, 'Compare'),
    labelled('Show', metric), labelled('by', axis), smoothing.element, scale.element),
  h('fieldset', {}, h('legend', {}, 'Runs'), list, more, none, gone), chart.element, h('h2', {}, 'Outcome'), outcomes, h('h2', {}, 'Settings that differ'), differences);

  function remember() {
    const parts = new URLSearchParams({runs: [...chosen].join(','), metric: metric.value, by: axis.value, ...(scale.value === 'fitted' ? {} : {scale: scale.value})});
    history.replaceState(history.state, '', `#/compare?${parts.toString().replaceAll('%2C', ',')}`);
    changed();
  }

  function entry(job) {
    const box = h('input', {type: 'checkbox', id: `pick-${job.id}`, onchange: () => {
      if (box.checked) chosen.add(job.id);
      else chosen.delete(job.id);
      remember();
    }});
    const name = h('span', {class: 'clip'});
    return {element: h('li', {}, box, h('label', {for: box.id}, name, ' ', h('small', {}, job.id))), update(now) {
      box.checked = chosen.has(now.id);
      setText(name, title(now));
    }};
  }
  const entries = new KeyedRows(list, entry);

  const {evaluations, read} = newestEvaluations(changed);
  let compared = '';
  function fillTables(jobs) {
    jobs.forEach(read);
    const mark = JSON.stringify(jobs.map((j) => [j.id, title(j), chosenAccuracy(j.best), evaluations.get(j.id)?.status]));
    if (mark === compared) return;
    compared = mark;
    const few = jobs.length < 2 ? h('p', {class: 'empty'}, 'Choose two runs or more.') : null;
    outcomes.replaceChildren(jobs.length ? outcomesTable(jobs, evaluations) : h('p', {class: 'empty'}, 'Choose a run or more.'));
    differences.replaceChildren(few ?? differencesTable(jobs));
  }

  function update() {
    setTitle('Compare');
    for (const id of chosen) if (!state.jobs.missing.has(id)) state.watch(id);
    // Those that one came with first, where they are seen; those chosen here stay in their places.
    const all = state.jobs.values().sort((a, b) => came.has(b.id) - came.has(a.id) || numberOf(b.id) - numberOf(a.id));
    const jobs = all.filter((j) => chosen.has(j.id)).sort((a, b) => numberOf(a.id) - numberOf(b.id));
    entries.set(all.filter((j, i) => i < LISTED || chosen.has(j.id)), (j) => j.id);
    more.hidden = all.length <= LISTED && !state.jobs.older;
    // Such as those of an address that was kept.
    const missing = [...chosen].filter((id) => state.jobs.missing.has(id));
    setText(gone, missing.length ? `There is no run ${missing.join(', ')}: it may have been deleted.` : '');
    none.hidden = !state.jobs.loaded || all.length > 0;
    chart.show(jobs);
    // After the frame that shows the curves.
    requestAnimationFrame(() => setTimeout(() => fillTables(jobs)));
  }
  return {element, update, destroy() {
    chart.destroy();
    for (const id of chosen) state.series.unwatch(id);
  }};
}
