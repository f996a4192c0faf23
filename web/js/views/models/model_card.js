// The card of a version: what it was trained on and how, figures as they were measured, limits that follow; its files.

import * as api from '../../api.js';
import {openDialog} from '../../dialog.js';
import {actionButton, digest, h, scroller, setAttribute, setText, setUsable} from '../../dom.js';
import {downloadAs, downloadFile} from '../../download.js';
import {evaluationPanel} from '../../evaluation/panel.js';
import {ofVersion} from '../../evaluation/subjects.js';
import {bytes, flat, grouped, NONE, number, percent, time} from '../../format.js';
import {Facts, Table} from '../../keyed.js';
import {popup} from '../../popup.js';
import {datasetPath, sourceNodes} from './model_words.js';
import {title} from '../datasets/set_words.js';

const ONNX = {
  fold_batch_norm: ['fold batch norms into the convolutions', true],
  preprocessing: ['take pixels from 0 to 255', true],
  probabilities: ['give probabilities, not logits', false],
};

/** A table of names and values, folded up. */
function folded(title, rows) {
  const table = new Table({caption: title, captionHidden: true, keyOf: ([name]) => name,
    columns: [{title: 'Name', text: ([name]) => name}, {title: 'Value', text: ([, value]) => String(value)}]});
  table.set(rows);
  const box = scroller(title);
  box.append(table.element);
  return h('details', {}, h('summary', {}, title), box);
}

const link = (href, text) => (href ? h('a', {href}, text) : h('span', {}, text));

function head(version) {
  return [
    ['Network', link(`#/network/${version.network}?image_size=${version.image_size}`, version.network)],
    ['Images', `${version.channels} × ${version.image_size} × ${version.image_size}`],
    ['Classes', grouped(version.class_count)],
    ['Data set', version.dataset ? link(datasetPath(version), version.dataset.name) : 'not known'],
    ['Its digest', version.dataset?.digest ? digest(version.dataset.digest) : NONE],
    ['From', h('span', {}, sourceNodes(version))],
    ['Registered', time(version.created_at)],
    ['Size', bytes(version.bytes)],
    ['SHA-256', digest(version.sha256)],
  ];
}

function evaluationPart(evaluation) {
  const facts = new Facts();
  if (!evaluation) return h('section', {}, h('h3', {}, 'Evaluation'), h('p', {class: 'empty'}, 'It has not been evaluated.'));
  facts.set([['Accuracy', percent(evaluation.accuracy)], ['Top 5', percent(evaluation.top5_accuracy)], ['Loss', number(evaluation.loss)],
    ...('macro_f1' in evaluation ? [['Macro F1', percent(evaluation.macro_f1)]] : []), ['Calibration error', percent(evaluation.calibration_error)],
    ['Temperature', number(evaluation.temperature)]]);
  return h('section', {}, h('h3', {}, 'Evaluation'),
    h('p', {class: 'hint'}, `${evaluation.id}, on ${grouped(evaluation.count)} ${evaluation.split} examples of ${evaluation.dataset.name}`), facts.element);
}

function metricsPart(metrics) {
  const facts = new Facts();
  if (!metrics) return h('section', {}, h('h3', {}, 'In its training'), h('p', {class: 'empty'}, 'Nothing is known of its training.'));
  facts.set([['Epoch', number(metrics.epoch)], ['Step', grouped(metrics.step)], ['Train loss', number(metrics.train_loss)], ['Train accuracy', percent(metrics.train_accuracy)],
    ['Validation loss', number(metrics.validation_loss)], ['Validation accuracy', percent(metrics.validation_accuracy)],
    ['Test loss', number(metrics.test_loss)], ['Test accuracy', percent(metrics.test_accuracy)]].filter(([, text]) => text !== NONE));
  return h('section', {}, h('h3', {}, 'In its training'), facts.element);
}

/** Ask which pictures the version is to be set against; made(evaluation) is called with what comes of it. */
function askEvaluation(state, version, made) {
  const sets = state.sets.all.filter((s) => s.status === 'ready');
  const set = h('select', {id: 'evaluated-on'}, sets.map((s) => h('option', {value: s.id}, title(s))));
  const own = version.dataset?.id ?? version.settings?.dataset;
  if (sets.some((s) => s.id === own)) set.value = own;
  const split = h('select', {id: 'evaluated-split'}, [['test', 'test pictures'], ['train', 'training pictures']].map(([value, text]) => h('option', {value}, text)));
  const flips = h('input', {type: 'checkbox'});
  openDialog({title: `Evaluate version ${version.version}`,
    content: [h('p', {class: 'pair-of'}, h('label', {for: 'evaluated-on'}, 'Data set'), set), h('p', {class: 'pair-of'}, h('label', {for: 'evaluated-split'}, 'Split'), split),
      h('label', {class: 'pair-of'}, flips, 'With test-time flips (a picture and its mirror image are averaged)'),
      h('p', {class: 'hint'}, 'The card shows what was found last without them, as predictions are made.')],
    actions: [{label: 'Evaluate', class: 'primary', run: async () => {
      const what = {model: `${version.model}@${version.version}`, dataset: set.value, split: split.value, test_time_flips: flips.checked};
      made(await api.createEvaluation(what));
    }}]});
}

/** {element, show(version, card), update(version), destroy()}: the version as the daemon tells all of it, with its card; and as the list has it. */
export function cardSection(state, name) {
  const fault = h('p', {class: 'fault', role: 'alert'});
  const heading = h('h2');
  const content = h('div');
  let version = null;

  /** A button that is busy while its file is made or fetched. */
  function fileButton(label, download) {
    const button = actionButton(label, async () => {
      setText(fault, '');
      setAttribute(button, 'aria-busy', 'true');
      await download(version.version, `${name}-${version.version}`).catch((error) => setText(fault, `The download failed: ${error.message}`));
      setAttribute(button, 'aria-busy', null);
    }, {class: 'quiet'});
    return button;
  }

  const options = Object.entries(ONNX).map(([key, [text, checked]]) => ({key, input: h('input', {type: 'checkbox', checked}), text}));
  const onnx = fileButton('ONNX', (number, file) => downloadFile(api.modelOnnxPath(name, number, Object.fromEntries(options.map((o) => [o.key, o.input.checked]))), version.bytes, `${file}.onnx`));
  const chooser = popup('ONNX', [options.map(({input, text}) => h('label', {class: 'pair-of'}, input, text)), onnx]);
  const files = h('span', {class: 'tools'},
    fileButton('Weights (safetensors)', (number, file) => downloadFile(api.modelContentPath(name, number), version.bytes, `${file}.safetensors`)),
    fileButton('Card (Markdown)', (number, file) => downloadAs(api.modelCardPath(name, number), 'text/markdown', `${file}.md`)), chooser);
  setText(onnx, 'Save as ONNX');

  const panel = evaluationPanel(state);
  let listed = null;
  const wrong = h('details', {class: 'wrong', ontoggle: () => { if (wrong.open) panel.update(ofVersion(name, listed)); }},
    h('summary', {}, 'What it gets wrong: confusion matrix, mistakes with their pictures, each class, calibration'), panel.element);
  const evaluate = actionButton('Evaluate …', () => askEvaluation(state, version, (started) => {
    panel.update(ofVersion(name, listed));
    panel.watch(started);
    wrong.open = true;
  }), {class: 'quiet'});
  files.prepend(evaluate);

  const element = h('section', {class: 'card', hidden: true}, h('div', {class: 'bar'}, heading, files), fault, content, wrong);
  return {element, destroy: panel.destroy, update(next) {
    listed = next;
    setUsable(evaluate, state.mayWrite);
    if (wrong.open) panel.update(ofVersion(name, listed));
  }, show(next, card) {
    version = next;
    element.hidden = false;
    setText(heading, `Card of version ${version.version}`);
    const facts = new Facts();
    facts.set(head(version));
    content.replaceChildren(facts.element, h('div', {class: 'pair'}, evaluationPart(card.evaluation), metricsPart(card.metrics)),
      h('h3', {}, 'Limits'), h('ul', {class: 'limits'}, card.limits.map((text) => h('li', {}, text))),
      ...(card.classes ? [folded('Classes', card.classes.map((text, label) => [label, text]))] : []),
      ...(card.settings ? [folded('Settings', flat(card.settings))] : []), ...(card.environment ? [folded('Environment', flat(card.environment))] : []));
  }};
}
