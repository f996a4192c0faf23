// What an evaluation found: its figures, the confusion matrix with the pictures behind it, and how each class fared.

import * as api from '../api.js';
import {h, scroller, setText} from '../dom.js';
import {save} from '../download.js';
import {grouped, isolated, NONE, number, percent} from '../format.js';
import {Facts} from '../keyed.js';
import {Reading} from '../reading.js';
import {classesTable} from './classes.js';
import {matrix} from './matrix.js';
import {mistakesList} from './mistakes.js';
import {reliability} from './reliability.js';

function confusedList(onChoose) {
  const list = h('ol', {class: 'confused'});
  return {element: list, set(evaluation) {
    const {classes, confused} = evaluation.figures;
    list.replaceChildren(...confused.map(({truth, guess, count}) => h('li', {}, h('div', {},
      h('button', {type: 'button', class: 'quiet', onclick: () => onChoose(truth, guess)}, `${isolated(classes[truth].name)} taken for ${isolated(classes[guess].name)}`), h('span', {class: 'num'}, grouped(count))))));
    if (confused.length === 0) list.replaceChildren(h('li', {}, 'None: every guess is right.'));
  }};
}

/** {element, show(evaluation), update(state), leave(), destroy()}; what cannot be read is told in `fault`. */
export function foundSection(fault) {
  let evaluation = null, drawn = null;
  const facts = new Facts();
  const mistakes = mistakesList(() => {
    confusion.clear();
    mistakes.show(evaluation, null);
  });
  const confusion = matrix((truth, guess) => mistakes.show(evaluation, {truth, guess}));
  const matrixReading = new Reading({read: () => api.confusion(evaluation.id), take: (answer) => {
    setText(fault, '');
    confusion.set(answer);
  }, fail: (error) => setText(fault, `The matrix could not be read: ${error.message}`)});
  const classes = classesTable();
  const pairs = confusedList((truth, guess) => confusion.choose(truth, guess));
  const diagram = h('div');
  const csv = h('button', {type: 'button', class: 'quiet', onclick: async () => {
    setText(fault, '');
    try {
      save(await (await api.open(api.confusionPath(evaluation.id), {accept: 'text/csv'})).blob(), `${evaluation.id}-confusion.csv`);
    } catch (error) {
      setText(fault, `The download failed: ${error.message}`);
    }
  }}, 'matrix .csv');
  const pairsBox = scroller('Most confused');
  pairsBox.append(pairs.element);
  const element = h('div', {hidden: true}, facts.element,
    h('div', {class: 'pair'},
      h('section', {}, h('div', {class: 'bar'}, h('h3', {}, 'Confusion matrix'), h('span', {class: 'tools'}, csv)),
        h('p', {class: 'hint'}, 'Rows: what it was. Columns: what the network took it for. A cell shows its pictures.'), confusion.element),
      mistakes.element,
      h('section', {}, h('h3', {}, 'Most confused'), pairsBox, diagram)),
    h('section', {}, h('h3', {}, 'Each class'), classes.element));

  return {element, show(succeeded) {
    evaluation = succeeded;
    const {figures} = evaluation;
    facts.set([['Accuracy', percent(evaluation.accuracy)], ['Top 5', percent(evaluation.top5_accuracy)], ['Loss', number(evaluation.loss)],
      ['Macro F1', percent(evaluation.macro_f1)], ['Calibration error', percent(evaluation.calibration_error)],
      ['Temperature', evaluation.temperature === null ? NONE : number(evaluation.temperature)], ['Mistakes', `${grouped(evaluation.mistakes)} of ${grouped(evaluation.examples)}`]]);
    if (drawn === evaluation.id) return;
    drawn = evaluation.id;
    classes.set(figures.classes, evaluation.split);
    pairs.set(evaluation);
    diagram.replaceChildren(reliability(figures.calibration));
    mistakes.show(evaluation, null);
    matrixReading.ask();
  }, update(state) {
    matrixReading.update(state);
    mistakes.update(state);
  }, leave() {
    drawn = null;
    matrixReading.leave();
    mistakes.leave();
  }, destroy: () => confusion.destroy()};
}
