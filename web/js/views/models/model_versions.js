// The versions of a model with their figures, and the aliases that point at them.

import * as api from '../../api.js';
import {actionButton, announce, h, scroller, setAttribute, setText, setUsable} from '../../dom.js';
import {openDialog} from '../../dialog.js';
import {bytes, NONE, percent, shortTime} from '../../format.js';
import {Table} from '../../keyed.js';
import {accuracyOf, accuracyText, lossText, sourceNodes, topText} from './model_words.js';

/** {element, set(model, shownVersion)}; onShow(version) is called when one is to be looked at. */
export function versionsTable({state}, name, onShow) {
  const fault = h('p', {class: 'fault', role: 'alert'});
  let model = null, shown = null;

  async function change(aliases, said) {
    state.models.put(await api.changeModel(name, {aliases}));
    announce(said);
  }

  function askAlias(version) {
    const known = [...new Set(['production', ...Object.keys(model.aliases)])];
    const input = h('input', {type: 'text', id: 'alias', autocomplete: 'off', list: 'aliases', value: model.aliases.production === version ? '' : 'production'});
    input.setAttribute('list', 'aliases');
    const note = h('p', {class: 'hint', 'aria-live': 'polite'});
    const say = () => setText(note, input.value in model.aliases ? `It points at version ${model.aliases[input.value]} now, and will at version ${version}.`
      : input.value === 'production' ? 'The bare name of a model stands for its production version.' : '');
    input.addEventListener('input', say);
    say();
    openDialog({title: `An alias for version ${version}`, content: [h('p', {}, h('label', {for: 'alias'}, 'Alias'), input), h('datalist', {id: 'aliases'}, known.map((value) => h('option', {value}))), note],
      actions: [{label: 'Point it here', class: 'primary', run: () => change({[input.value]: version}, `${input.value} points at version ${version}`)}]});
    input.focus();
    input.select();
  }

  function askRemoval(version) {
    openDialog({title: `Delete version ${version} of ${name}?`, cancel: 'Keep it',
      content: [h('p', {}, 'Its file goes, for good; its number is not used again.')],
      actions: [{label: 'Delete', class: 'danger', run: async () => {
        await api.removeVersion(name, version);
        announce(`Version ${version} is deleted`);
        state.models.ask(name);
      }}]});
  }

  function alias(word, version) {
    const remove = h('button', {type: 'button', class: 'quiet', 'aria-label': `Take the alias ${word} away`, title: 'Take it away', onclick: async () => {
      setText(fault, '');
      try {
        await change({[word]: null}, `The alias ${word} is gone`);
      } catch (error) {
        setText(fault, api.faultText(error));
      }
    }}, '×');
    remove.disabled = !state.mayWrite;
    return h('span', {class: 'alias', 'data-alias': word, 'data-version': version}, word, remove);
  }

  function aliasCell({version}) {
    const list = h('span', {class: 'tools'});
    const add = actionButton('Alias …', () => askAlias(version), {class: 'quiet', 'aria-label': `An alias for version ${version}`});
    let mark = '';
    return {element: h('span', {class: 'tools'}, list, add), update(v) {
      setUsable(add, state.mayWrite);
      if (mark === `${v.aliases} ${state.mayWrite}`) return;
      mark = `${v.aliases} ${state.mayWrite}`;
      list.replaceChildren(...v.aliases.map((word) => alias(word, v.version)));
      list.hidden = v.aliases.length === 0;
    }};
  }

  function numberCell({version}) {
    const button = h('button', {type: 'button', class: 'link', onclick: () => onShow(version)}, String(version));
    return {element: button, update() {
      setAttribute(button, 'aria-current', version === shown ? 'true' : null);
      setAttribute(button, 'aria-label', `Version ${version}${version === shown ? ', shown below' : ''}`);
    }};
  }

  function accuracyCell() {
    const text = h('span');
    return {element: text, update(v) {
      setText(text, accuracyText(v));
      setAttribute(text, 'title', accuracyOf(v).from || null);
    }};
  }

  function removeCell({version}) {
    const button = actionButton('Delete …', () => askRemoval(version), {class: 'quiet danger', 'aria-label': `Delete version ${version}`});
    return {element: button, update: () => setUsable(button, state.mayWrite)};
  }

  const table = new Table({caption: 'Versions, newest first', captionHidden: true, className: 'runs sets versions', keyOf: (v) => v.version,
    attributes: (v) => ({'data-version': String(v.version)}), columns: [
      {title: 'Version', make: numberCell, rowHeading: true}, {title: 'Aliases', make: aliasCell},
      {title: 'From', make: (v) => ({element: h('span', {}, sourceNodes(v))})}, {title: 'Network', text: (v) => (v.status === 'missing' ? `${v.network}, its file is gone` : v.network)},
      {title: 'Accuracy', make: accuracyCell, class: 'num'}, {title: 'Top 5', text: topText, class: 'num'}, {title: 'Loss', text: lossText, class: 'num'},
      {title: 'Calibration error', text: (v) => (v.evaluation ? percent(v.evaluation.calibration_error) : NONE), class: 'num'},
      {title: 'Size', text: (v) => bytes(v.bytes), class: 'num'}, {title: 'Created', text: (v) => shortTime(v.created_at), class: 'num'}, {title: 'Remove', make: removeCell}]});
  const list = scroller('Versions');
  list.append(table.element);
  const none = h('p', {class: 'empty'}, 'All its versions have been deleted.');
  return {element: h('div', {}, fault, none, list), set(next, version) {
    model = next;
    shown = version;
    none.hidden = model.versions.length > 0;
    list.hidden = !none.hidden;
    table.set(model.versions);
  }};
}
