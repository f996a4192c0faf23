// All trained models, the newest first.

import {h, scroller, setAttribute, setText} from '../../dom.js';
import {bytes, grouped, NONE, shortTime} from '../../format.js';
import {finder} from '../../finder.js';
import {Table} from '../../keyed.js';
import {dropZone} from '../drop.js';
import {accuracyOf, accuracyText, aliasText, meant} from './model_words.js';

function nameCell() {
  const link = h('a');
  return {element: link, update(model) {
    setAttribute(link, 'href', `#/models/${model.name}`);
    setText(link, model.name);
  }};
}

/** Of the version that the bare name stands for. */
function accuracyCell() {
  const text = h('span');
  return {element: text, update(model) {
    const version = meant(model);
    setText(text, version ? accuracyText(version) : NONE);
    setAttribute(text, 'title', version && accuracyOf(version).from ? `Version ${version.version}: ${accuracyOf(version).from}` : null);
  }};
}

const ofMeant = (text) => (model) => (meant(model) ? text(meant(model)) : NONE);

const COLUMNS = [
  {title: 'Name', make: nameCell, rowHeading: true, class: 'name'},
  {title: 'Newest version', text: (m) => (m.versions.length ? String(m.versions[0].version) : NONE), class: 'num'},
  {title: 'Aliases', text: aliasText},
  {title: 'Network', text: ofMeant((v) => v.network)},
  {title: 'Data set', text: ofMeant((v) => v.dataset?.name ?? NONE), class: 'file'},
  {title: 'Classes', text: ofMeant((v) => grouped(v.class_count)), class: 'num'},
  {title: 'Accuracy', make: accuracyCell, class: 'num'},
  {title: 'Size', text: ofMeant((v) => bytes(v.bytes)), class: 'num'},
  {title: 'Created', text: (m) => shortTime(m.created_at), class: 'num'},
];

export function modelsView(context) {
  const {state, setTitle} = context;
  state.models.want();
  const input = h('input', {type: 'search', id: 'find', placeholder: 'name, network or set', oninput: () => update()});
  const table = new Table({caption: 'Models', captionHidden: true, className: 'runs sets', keyOf: (m) => m.id, columns: COLUMNS, attributes: (m) => ({'data-id': m.id})});
  const list = scroller('Models');
  list.append(table.element);
  const add = h('a', {class: 'button primary', href: '#/upload'}, 'Upload weights');
  const zone = dropZone((file) => {
    context.dropped = file;
    location.hash = '#/upload';
  });
  const rest = h('p', {class: 'empty'});
  const fault = h('p', {class: 'fault', role: 'alert'});
  zone.element.append(h('div', {class: 'bar'}, h('h1', {}, 'Models'),
    h('span', {class: 'pair-of'}, h('label', {for: 'find'}, 'Search'), input), add), fault, list, rest);

  function update() {
    const {models} = state;
    const said = (m) => `${m.name} ${m.id} ${meant(m)?.network ?? ''} ${meant(m)?.dataset?.name ?? ''} ${Object.keys(m.aliases).join(' ')}`;
    const found = models.all.filter(finder(input.value, said));
    setTitle('Models');
    setText(fault, models.error ? `The models could not be read: ${models.error}` : '');
    setAttribute(add, 'aria-disabled', state.mayWrite ? null : 'true');
    table.set(found);
    list.hidden = found.length === 0;
    setText(rest, !models.loaded ? 'Reading …' : found.length > 0 ? ''
      : models.all.length > 0 ? 'No model is like that.'
        : 'No models yet. Register a run as a model on its page, give a new run a name to register as, or upload weights: a safetensors file dropped here will do.');
  }
  return {element: zone.element, update, destroy: zone.destroy};
}
