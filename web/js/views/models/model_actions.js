// What can be done with a model as a whole.

import * as api from '../../api.js';
import {actionButton, h, setAttribute, setText, setUsable} from '../../dom.js';
import {openDialog} from '../../dialog.js';
import {counted} from '../../format.js';
import {editLabels} from '../labels_edit.js';

/** The form of a training that starts from a version, on the pictures that it knows, if they are there. */
function trainPath(state, name, {version, network, image_size: size, dataset}) {
  const set = state.sets.get(dataset?.id)?.status === 'ready' ? `&dataset=${encodeURIComponent(dataset.id)}` : '';
  return `#/new?init_from=${name}@${version}&network=${network}&image_size=${size}${set}`;
}

/** {element, fault, update(model, version)} */
export function modelActions({state}, name) {
  const train = h('a', {class: 'button'}, 'Train from this');
  const upload = h('a', {class: 'button', href: `#/upload?model=${name}`}, 'Upload a version');
  const fault = h('p', {class: 'fault', role: 'alert'});
  const edit = actionButton('Edit …', () => {
    setText(fault, '');
    return editLabels(api.labels.model(name), (model) => state.models.put(model), false).catch((error) => setText(fault, error.message));
  });
  const what = (count) => `${counted(count, 'version')} with ${count === 1 ? 'its file goes' : 'their files go'}`;
  const remove = actionButton('Delete …', () => openDialog({
    title: `Delete the model ${name}?`,
    content: [h('p', {}, `${what(state.models.get(name)?.versions.length ?? 0)}, for good, and nobody is answered under this name any more. Runs keep what they have.`)],
    cancel: 'Keep it',
    actions: [{label: 'Delete', class: 'danger', run: async () => {
      await api.removeModel(name);
      return '#/models';
    }}],
  }), {class: 'danger'});
  return {element: h('span', {class: 'tools'}, train, upload, edit, remove), fault, update(model, version) {
    train.hidden = !version;
    setAttribute(train, 'href', version ? trainPath(state, name, version) : null);
    setAttribute(upload, 'aria-disabled', state.mayWrite ? null : 'true');
    setUsable(edit, state.mayWrite);
    setUsable(remove, state.mayWrite);
  }};
}
