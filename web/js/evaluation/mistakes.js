// Wrong guesses as pictures, the worst first: all of them, or those of one entry of the confusion matrix.

import * as api from '../api.js';
import {actionButton, h, setText} from '../dom.js';
import {counted, isolated, percent} from '../format.js';
import {enlarge} from '../enlarge.js';
import {picture} from '../pictures.js';
import {Reading} from '../reading.js';

const PAGE = 24;

function shown(set, mistake) {
  const said = `${isolated(mistake.truth_name)} taken for ${isolated(mistake.guess_name)}, ${percent(mistake.confidence)} sure`;
  const {truth_name: truth, guess_name: guess, picture: n} = mistake;
  const large = () => enlarge(set, n, {title: `${isolated(truth)} taken for ${isolated(guess)}`, label: said,
    notes: [`${percent(mistake.confidence)} sure; what it was had ${percent(mistake.truth_share)}. Picture ${n} of the set.`]});
  return h('li', {}, n === null ? h('span', {class: 'picture'}, 'gone')
    : h('button', {type: 'button', class: 'thumb', 'aria-label': said, title: 'Show it large, and its file', onclick: large}, picture(set, n, said)),
    h('span', {class: 'truth', title: mistake.truth_name}, mistake.truth_name),
    h('span', {class: 'guess', title: mistake.guess_name}, h('span', {class: 'line'}, mistake.guess_name), h('span', {class: 'num'}, ` ${percent(mistake.confidence, 0)}`)));
}

/** {element, show(evaluation, cell)}: cell {truth, guess, count} by label, null for all. */
export function mistakesList(onAll) {
  const heading = h('h3', {}, 'Worst mistakes');
  const note = h('p', {class: 'hint'});
  const list = h('ul', {class: 'mistakes', 'aria-label': 'Mistakes', tabindex: '0'});
  const more = actionButton('More', () => reading.ask(), {class: 'quiet', hidden: true});
  const all = h('button', {type: 'button', class: 'quiet', hidden: true, onclick: () => onAll()}, 'All mistakes');
  let wanted = null, after = null;
  const reading = new Reading({read: () => api.mistakes(wanted.evaluation.id, {...wanted.filter, after, limit: PAGE}), take: (page) => {
    list.append(...page.data.map((m) => shown(wanted.evaluation.dataset.id, m)));
    after = page.last_id;
    more.hidden = !page.has_more;
    setText(note, list.children.length === 0 ? 'None.' : wanted.said);
  }, fail: (error) => setText(note, `They could not be read: ${error.message}`)});

  return {update: (state) => reading.update(state), leave: () => reading.leave(), element: h('section', {}, h('div', {class: 'bar'}, heading, all), note, list, more), show(evaluation, cell) {
    const names = evaluation.figures.classes.map((c) => c.name);
    const said = cell?.truth === cell?.guess && cell ? 'These were right: only mistakes are listed with their pictures.'
      : cell ? '' : `${counted(evaluation.mistakes, 'mistake')} among ${counted(evaluation.examples, 'example')}: first what it was, then what the network took it for, and how sure it was.`;
    wanted = {evaluation, said, filter: cell ? {class: names[cell.truth], predicted: names[cell.guess]} : {}};
    reading.leave();
    after = null;
    list.replaceChildren();
    more.hidden = true;
    all.hidden = !cell;
    setText(heading, cell ? `${isolated(names[cell.truth])} taken for ${isolated(names[cell.guess])}` : 'Worst mistakes');
    setText(note, said);
    if (!cell || cell.truth !== cell.guess) reading.ask();
  }};
}
