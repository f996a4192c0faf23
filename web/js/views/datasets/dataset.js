// One data set: how its import goes, what is in it, and what is wrong with it.

import * as api from '../../api.js';
import {announce, digest, h, setText} from '../../dom.js';
import {bytes, grouped, NONE, number, span, time} from '../../format.js';
import {Facts} from '../../keyed.js';
import {Reading} from '../../reading.js';
import {isOwn} from '../../known/sets.js';
import {notes} from '../labels_edit.js';
import {setActions} from './set_actions.js';
import {missingNote} from '../missing.js';
import {classesSection} from './set_classes.js';
import {picturesSection} from './set_pictures.js';
import {duplicatesSection, leftOutSection, oneColourSection} from './set_report.js';
import {errorText, imageText, layoutText, setBadge, setProgress, sourceText, statusText, title} from './set_words.js';

/** What to do about a warning: [text, address], or text alone. */
function advice(code, set) {
  const id = encodeURIComponent(set.id);
  const duplicates = ['Look at them below: remove one of each from the source and import it again.'];
  return {
    imbalance: ['Start a run that weighs classes alike', `#/new?dataset=${id}&class_weights=balanced`],
    duplicates_across_splits: duplicates, near_duplicates_across_splits: duplicates,
    duplicates_with_different_labels: ['Look at them below: put each where it belongs and import the source again.'],
    few_pictures: ['More pictures of these help most.'], no_pictures: ['Add pictures, or remove the folders.'],
    untested_class: ['Add test pictures.'],
    many_left_out: ['Look at the files left out below.'], enlarged: ['Import the source again in a smaller size.'],
  }[code];
}

function warningList() {
  const element = h('ul', {class: 'warnings', 'aria-label': 'Warnings'});
  return {element, show(set, warnings, imbalance) {
    // Already below the rule that warns, weighing is advised.
    const all = imbalance?.advice && !warnings.some((w) => w.code === 'imbalance')
      ? [...warnings, {code: 'imbalance', text: `the largest class has ${number(imbalance.ratio, 3)} training pictures for each one of the smallest`}] : warnings;
    element.hidden = all.length === 0;
    element.replaceChildren(...all.map(({code, text}) => {
      const [what, href] = advice(code, set) ?? [];
      return h('li', {}, `${text.replace(/^./, (c) => c.toUpperCase())}. `, href ? h('a', {href}, what) : what ?? '');
    }));
  }};
}

const sizeText = (size) => (size ? `${size.width} × ${size.height}` : NONE);
const each = (values) => values.map((v) => number(v, 3)).join(', ');

/** What the report adds to the facts. */
function reportFacts(report) {
  const {sizes, formats, pixels, split} = report;
  return [
    ['Layout', layoutText(report.layout)],
    ['Split', split.given ? 'as in the source' : `drawn, ${number(100 * split.test_share)} % for the test`],
    ['Formats', Object.entries(formats).map(([name, count]) => `${name.toUpperCase()} ${grouped(count)}`).join(', ') || NONE],
    ['Smallest', sizeText(sizes.smallest)], ['Median', sizeText(sizes.median)], ['Largest', sizeText(sizes.largest)],
    ['Mean', each(pixels.mean)], ['Deviation', each(pixels.deviation)],
  ];
}

function setFacts(set, report) {
  const took = set.started_at && set.finished_at ? (new Date(set.finished_at) - new Date(set.started_at)) / 1000 : null;
  const isKnown = took !== null && took >= 0;  // less: the daemon's clock was set back meanwhile
  return [
    ...(set.status === 'ready' ? [['Training pictures', grouped(set.counts.train)], ['Test pictures', grouped(set.counts.test)], ['Classes', grouped(set.classes.length)]] : []),
    ...(set.status === 'ready' && isOwn(set) ? [['Left out', grouped(set.counts.left_out)]] : []),
    ['Each picture', imageText(set.image)], ['Source', sourceText(set)],
    ...(report && set.status === 'ready' ? reportFacts(report) : []),
    ...(set.bytes ? [['On disk', bytes(set.bytes)]] : []), ...(isOwn(set) ? [['Created', time(set.created_at)]] : []),
    ...(isKnown && isOwn(set) ? [['Import took', span(took)]] : []), ...(set.digest ? [['Digest', digest(set.digest)]] : []),
  ];
}

export function datasetView(context, {path: [id], query}) {
  const {state, setTitle} = context;
  const heading = h('h1'), missing = missingNote('#/datasets', 'All data sets');
  const badge = setBadge(), progress = setProgress(), facts = new Facts();
  const actions = setActions(context, id);
  const why = h('p', {class: 'reason bad'});
  const warnings = warningList(), noted = notes();
  const pictures = picturesSection((looked) => {
    const parts = new URLSearchParams(Object.entries(looked).filter(([, v]) => v)).toString();
    history.replaceState(history.state, '', `#/datasets/${id}${parts && `?${parts}`}`);
  });
  const classes = classesSection((name) => pictures.choose({class: name, split: ''}));
  const leftOut = leftOutSection(), duplicates = duplicatesSection(), oneColour = oneColourSection();
  const reportFault = h('p', {class: 'fault', role: 'alert'});
  const contents = h('div', {hidden: true}, classes.element, pictures.element);
  const found = h('div', {hidden: true}, duplicates.element, oneColour.element);
  leftOut.element.hidden = true;
  const body = h('div', {hidden: true}, h('div', {class: 'bar'}, heading, badge.element, progress.element, actions.element), noted.element, why, actions.fault, reportFault,
    warnings.element, facts.element, contents, found, leftOut.element);
  const element = h('section', {}, missing.element, body);
  let report = null, shown = '', announced = '';

  /** Read once it is there: a set that has ended never changes. */
  const reading = new Reading({read: () => api.datasetReport(id), take: showReport, fail: (error) => {
    if (error.status !== 404) setText(reportFault, `The report could not be read: ${error.message}`);
  }});

  function showReport(answer) {
    const set = state.sets.get(id);
    report = answer;
    setText(reportFault, '');
    if (!set) return;
    leftOut.element.hidden = set.status !== 'ready' && report.left_out.length === 0;
    leftOut.show(report);
    if (set.status === 'ready') {
      found.hidden = false;
      classes.show(set, report.imbalance);
      duplicates.show(set, report);
      oneColour.show(set, report);
      warnings.show(set, set.warnings, report.imbalance);
    }
    facts.set(setFacts(set, report));
  }

  function showOnce(set) {
    if (shown === set.status) return;
    shown = set.status;
    warnings.show(set, set.warnings);
    contents.hidden = set.status !== 'ready';
    if (set.status === 'ready') {
      classes.show(set);
      pictures.show(set, {class: query.get('class'), split: query.get('split')});
    }
    if (isOwn(set) && ['ready', 'failed'].includes(set.status)) reading.ask();
  }

  function update() {
    state.sets.wantOne(id);
    const set = state.sets.get(id);
    const gone = !set && state.sets.loaded && state.sets.missing.has(id);
    missing.show(set ? null : gone ? `There is no data set ${id}` : 'Reading …', gone);
    body.hidden = !set;
    if (!set) {
      setTitle(gone ? 'No such data set' : 'Data set');
      return;
    }
    setText(heading, title(set));
    setTitle(`${set.status === 'ready' ? '' : `${statusText(set)} · `}${title(set)}`);
    badge.update(set);
    progress.update(set);
    actions.update(set);
    noted.set(set.metadata);
    if (announced && announced !== set.status) announce(`The data set is ${statusText(set)}`);
    announced = set.status;
    why.hidden = !set.error;
    setText(why, errorText(set));
    if (!report) facts.set(setFacts(set, null));
    showOnce(set);
    reading.update(state);
    pictures.update(state);
  }
  return {element, update};
}
