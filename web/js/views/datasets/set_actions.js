// What can be done with a data set.

import * as api from '../../api.js';
import {actionButton, announce, h, setAttribute, setText, setUsable} from '../../dom.js';
import {openDialog} from '../../dialog.js';
import {isolated} from '../../format.js';
import {isOwn} from '../../known/sets.js';
import {editLabels} from '../labels_edit.js';
import {title} from './set_words.js';

/** {element, fault, update(set)} */
export function setActions({state}, id) {
  const fault = h('p', {class: 'fault', role: 'alert'});
  const train = h('a', {class: 'button primary'}, 'Train on this');
  const cancel = actionButton('Cancel import', async () => {
    setText(fault, '');
    try {
      state.sets.put(await api.cancelDataset(id));
      announce('The import has been cancelled');
    } catch (error) {
      setText(fault, error.message);
    }
  });
  const edit = actionButton('Edit …', () => {
    setText(fault, '');
    return editLabels(api.labels.dataset(id), (set) => state.sets.put(set)).catch((error) => setText(fault, error.message));
  });
  const remove = actionButton('Delete …', () => openDialog({
    title: `Delete ${isolated(title(state.sets.get(id)))}?`,
    content: [h('p', {}, 'Its pictures and its report go, for good. Runs that were trained on it keep their results, and its name.')],
    cancel: 'Keep it',
    actions: [{label: 'Delete', class: 'danger', run: async () => {
      await api.removeDataset(id);
      return '#/datasets';
    }}],
  }), {class: 'danger'});
  const element = h('span', {class: 'tools'}, train, cancel, edit, remove);
  return {element, fault, update(set) {
    const ready = set.status === 'ready';
    // A training is judged by the test pictures: without any the daemon refuses it.
    train.hidden = !ready || !(set.counts.test > 0);
    setAttribute(train, 'href', `#/new?dataset=${encodeURIComponent(set.id)}`);
    cancel.hidden = set.status !== 'importing' && set.status !== 'waiting';
    setUsable(cancel, state.mayWrite);
    edit.hidden = remove.hidden = !isOwn(set);
    setUsable(edit, state.mayWrite);
    setUsable(remove, state.mayWrite);
  }};
}
