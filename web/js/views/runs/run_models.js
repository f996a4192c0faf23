// A run made into a model: the question for its name, and the versions that came of it.

import * as api from '../../api.js';
import {h} from '../../dom.js';
import {openDialog} from '../../dialog.js';
import {requestKey} from '../../key.js';

/** Ask for a name and make a checkpoint of the run a version of that model. */
export function askToRegister(state, job) {
  state.models.want();
  const keyOf = requestKey();
  const name = h('input', {type: 'text', id: 'model-name', autocomplete: 'off', value: job.settings.register_as ?? ''});
  name.setAttribute('list', 'models');
  const which = h('select', {id: 'which'}, [['best', 'the best'], ['latest', 'the latest']].map(([value, text]) => h('option', {value}, text)));
  if (!job.best?.checkpoint) which.value = 'latest';
  openDialog({
    title: 'Register as a model',
    content: [h('p', {}, h('label', {for: 'model-name'}, 'Model'), name), h('datalist', {id: 'models'}, state.models.all.map((m) => h('option', {value: m.name}))),
      h('p', {class: 'pair-of'}, h('label', {for: 'which'}, 'Checkpoint'), which),
      h('p', {class: 'hint'}, 'It becomes the next version under that name. The model keeps its own file: it stays when the run is deleted.')],
    actions: [{label: 'Register', class: 'primary', run: async () => {
      const what = {name: name.value.trim(), job: job.id, checkpoint: which.value};
      const version = await api.registerModel(what, keyOf(what));
      state.models.ask(version.model);
      return `#/models/${version.model}?version=${version.version}`;
    }}],
  });
  name.focus();
}

/** {element, update()}: the versions that were checkpoints of the run. */
export function modelsOfRun(state, id) {
  state.models.want();
  const element = h('p', {class: 'family', hidden: true});
  let shown = '';
  return {element, update() {
    const found = state.models.ofJob(id);
    const mark = JSON.stringify(found.map(({model, version}) => [model.name, version.version]));
    if (mark === shown) return;
    shown = mark;
    element.hidden = found.length === 0;
    element.replaceChildren('Registered as ', ...found.flatMap(({model, version}, i) => [i ? ', ' : '',
      h('a', {href: `#/models/${model.name}?version=${version.version}`}, `${model.name}, version ${version.version}`)]), '.');
  }};
}
