// One model: its versions and what they are called, a picture to try one on, and the card of one.

import * as api from '../../api.js';
import {h, setAttribute, setText} from '../../dom.js';
import {counted, time} from '../../format.js';
import {Facts} from '../../keyed.js';
import {missingNote} from '../missing.js';
import {notes} from '../labels_edit.js';
import {modelActions} from './model_actions.js';
import {evaluationsTable} from './model_evaluations.js';
import {cardSection} from './model_card.js';
import {versionsTable} from './model_versions.js';
import {meant} from './model_words.js';
import {trySection} from './try_it.js';

export function modelView(context, {path: [name], query}) {
  const {state, changed, setTitle} = context;
  const heading = h('h1', {}, name), missing = missingNote('#/models', 'All models');
  const actions = modelActions(context, name);
  const facts = new Facts(), noted = notes();
  const fault = h('p', {class: 'fault', role: 'alert'});
  const select = h('select', {id: 'version', onchange: () => choose(Number(select.value))});
  const versions = versionsTable(context, name, choose);
  const evaluations = evaluationsTable(context, choose);
  const trial = trySection(state);
  const card = cardSection(state, name);
  const shownVersion = h('div', {}, h('div', {class: 'bar'}, h('h2', {}, 'Try it'),
    h('span', {class: 'pair-of'}, h('label', {for: 'version'}, 'Version'), select)), fault, trial.element, card.element);
  const body = h('div', {hidden: true}, h('div', {class: 'bar'}, heading, actions.element), actions.fault, noted.element, facts.element,
    h('h2', {}, 'Versions'), versions.element, h('h2', {}, 'Evaluations'), evaluations.element, shownVersion);
  const element = h('section', {}, missing.element, body);
  let chosen = Number(query.get('version')) || null;
  let shown = '', offered = '';
  state.evaluations.watch(name);

  function choose(version) {
    chosen = version;
    history.replaceState(history.state, '', `#/models/${name}?version=${version}`);
    changed();
  }

  const current = (model) => model.versions.find((v) => v.version === chosen) ?? meant(model);

  /** All of a version is read when it is another one, or has been evaluated anew. */
  async function show(model, version) {
    const mark = JSON.stringify([model.id, version.version, version.evaluation?.id, version.status]);
    if (mark === shown) return;
    shown = mark;
    setText(fault, '');
    try {
      const [whole, described] = await Promise.all([api.modelVersion(name, version.version), api.modelCard(name, version.version)]);
      if (mark !== shown) return;
      trial.choose(whole);
      card.show(whole, described);
    } catch (error) {
      if (mark !== shown) return;
      shown = '';
      setText(fault, `Version ${version.version} could not be read: ${error.message}`);
    }
  }

  function offer(model, version) {
    const mark = model.versions.map((v) => `${v.version} ${v.aliases}`).join();
    if (mark !== offered) {
      offered = mark;
      select.replaceChildren(...model.versions.map((v) => h('option', {value: String(v.version)}, `${v.version}${v.aliases.length ? ` (${v.aliases.join(', ')})` : ''}`)));
    }
    if (select.value !== String(version.version)) select.value = String(version.version);
  }

  function showFacts(model) {
    const answering = meant(model);
    facts.set([
      ['Its name stands for', !answering ? 'no version' : `version ${answering.version}, ${model.aliases.production === answering.version ? 'production' : 'the newest'}`],
      ['Versions', counted(model.versions.length, 'version')],
      ['Created', time(model.created_at)],
      ['Last change', time(model.updated_at)],
    ]);
  }

  function update() {
    state.models.wantOne(name);
    const model = state.models.get(name);
    const gone = !model && state.models.loaded && state.models.missing.has(name);
    missing.show(model ? null : gone ? `There is no model ${name}` : state.models.error ?? 'Reading …', gone);
    body.hidden = !model;
    if (!model) {
      shown = '';
      setTitle(gone ? 'No such model' : 'Model');
      return;
    }
    setTitle(name);
    actions.update(model, current(model));
    showFacts(model);
    noted.set(model.metadata);
    versions.set(model, current(model)?.version);
    evaluations.set(model);
    shownVersion.hidden = model.versions.length === 0;
    setAttribute(heading, 'title', model.id);
    if (model.versions.length === 0) return;
    offer(model, current(model));
    show(model, current(model));
    trial.update();
    card.update(current(model));
  }
  return {element, update, destroy() {
    state.evaluations.watch(null);
    trial.destroy();
    card.destroy();
  }};
}
