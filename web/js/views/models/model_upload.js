// Weights from elsewhere become a version of a model: a safetensors file of a network that this program knows.

import * as api from '../../api.js';
import {actionButton, h, isUsable, setText, setUsable} from '../../dom.js';
import {bytes} from '../../format.js';
import {Reading} from '../../reading.js';
import {dropZone} from '../drop.js';
import {formFields} from '../form_fields.js';

const PLAIN = {group: 'What it is', type: 'string', default: '', minimum: null, maximum: null, exclusive_minimum: false, exclusive_maximum: false, needs: null, choices: null, description: ''};
const FIELDS = [
  {path: 'name', title: 'Model', group: 'Name', description: 'letters, digits, dots, hyphens and underscores; one that there is gets another version'},
  {path: 'network', title: 'Network', type: 'network', description: ''},
  {path: 'channels', title: 'Channels', type: 'number', description: 'empty: as the tensors say'},
  {path: 'classes', title: 'Classes', type: 'number', description: 'empty: as the tensors say'},
  {path: 'image_size', title: 'Image size', type: 'number', description: 'pixels of a side; empty: as the file says, else the network’s own'},
  {path: 'class_names', title: 'Class names', description: 'by label, with commas between; empty: as the file’s metadata says, which has room for any number'},
].map((row) => ({...PLAIN, ...row}));
const AS_IT_SAYS = {id: '', title: 'as the file says'};
const NAME_MOST = 64;

/** "/a/Shirts 2.safetensors" -> "Shirts-2" */
const nameOf = (path) => path.replace(/\.safetensors$/i, '').replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, NAME_MOST);

/** The file: {element, choose(file), file(), showFaults(texts)}. */
function fileField(onChoice) {
  const fault = h('ul', {class: 'fault', role: 'alert', id: 'file-fault'});
  const input = h('input', {type: 'file', id: 'file', class: 'hidden', accept: '.safetensors', tabindex: '-1', 'aria-hidden': 'true', onchange: () => { if (input.files[0]) choose(input.files[0]); }});
  const button = h('button', {type: 'button', 'aria-describedby': 'chosen file-fault', onclick: () => input.click()}, 'Choose a file …');
  const chosen = h('strong', {id: 'chosen', class: 'chosen'});
  let file = null;
  const showFaults = (texts) => fault.replaceChildren(...texts.map((text) => h('li', {}, text)));
  function choose(next) {
    file = next;
    setText(chosen, `${file.name}, ${bytes(file.size)}`);
    showFaults([]);
    onChoice(file);
  }
  return {element: h('fieldset', {class: 'source'}, h('legend', {}, 'Weights'),
    h('div', {class: 'drop'}, h('p', {}, 'Drop a safetensors file here, or'), h('p', {}, button, input), h('p', {}, chosen)),
    h('p', {class: 'hint'}, 'A file from here, or one that PyTorch or torchvision made of the same network: float32, float16 or bfloat16 tensors under the names of its state_dict(). Each is checked, and all that does not fit is named.'), fault),
  choose, showFaults, file: () => file};
}

/** "cat, dog" as the daemon takes it, null for none. */
const namesOf = (text) => (text.trim() ? JSON.stringify(text.split(',').map((name) => name.trim())) : null);

export function modelUploadView(context, {query}) {
  const {state, setTitle} = context;
  state.models.want();
  const general = h('p', {class: 'fault', role: 'alert'});
  const start = actionButton('Upload', () => submit(), {class: 'primary'});
  const cancel = h('button', {type: 'button', hidden: true, onclick: () => abort?.abort()}, 'Cancel');
  const bar = h('progress', {max: 1, value: 0, 'aria-label': 'Upload', hidden: true});
  const far = h('span', {role: 'status'});
  const lists = {network: [AS_IT_SAYS]};
  const form = formFields(FIELDS, lists);
  const source = fileField((file) => { if (!own) form.fields.get('name').set(nameOf(file.name)); });
  const zone = dropZone((file) => source.choose(file));
  let own = query.has('model'), abort = null;
  form.set({name: query.get('model') ?? '', network: '', channels: '', classes: '', image_size: '', class_names: ''});
  form.element.addEventListener('input', (event) => { if (event.target.name === 'name') own = event.target.value !== ''; });
  zone.element.append(h('div', {class: 'bar'}, h('h1', {}, 'Upload weights')),
    h('form', {novalidate: true, onsubmit: (event) => { event.preventDefault(); submit(); }}, source.element, form.element, general,
      h('p', {class: 'tools'}, start, cancel, bar, far)));
  const reading = new Reading({read: api.networks, take: (networks) => {
    setText(general, '');
    const select = form.element.querySelector('[name=network]');
    select.append(...networks.map((n) => h('option', {value: n.id}, n.title)));
  }, fail: (error) => setText(general, `The networks could not be read: ${error.message}`)});
  reading.ask();

  function parameters({network, channels, classes, image_size: size, class_names: names}) {
    const given = (value) => (value === '' ? null : value);
    return {network: given(network), channels: given(channels), classes: given(classes), image_size: given(size), class_names: namesOf(names)};
  }

  /** Faults of tensors and of the file as a whole belong to the file. */
  function showFaults({errors = [], message}) {
    const tensors = errors.filter((e) => e.pointer.startsWith('/tensors'));
    const others = errors.filter((e) => !tensors.includes(e)).map((e) => ({...e, pointer: `/${e.pointer.replace(/^[?/]/, '')}`}));
    source.showFaults(tensors.map((e) => e.detail));
    setText(general, [...form.showFaults(others), ...(errors.length ? [] : [message])].filter(Boolean).join('; '));
  }

  function showSending(sending) {
    setText(start, sending ? 'Sending …' : 'Upload');
    cancel.hidden = bar.hidden = !sending;
    if (!sending) setText(far, '');
    update();
  }

  async function submit() {
    const values = form.values(), file = source.file();
    if (abort || !isUsable(start)) return;
    showFaults({message: ''});
    if (!file) return source.showFaults(['Choose a file first.']);
    if (!values.name) return form.showFaults([{pointer: '/name', detail: 'is missing: what is the model called?'}]);
    abort = new AbortController();
    const {signal} = abort;
    showSending(true);
    try {
      const version = await api.sendModel(values.name, file, parameters(values), {signal, onProgress: (sent) => {
        bar.value = file.size ? sent / file.size : 1;
        setText(far, sent === file.size ? 'the daemon is checking it' : `${bytes(sent)} of ${bytes(file.size)}`);
      }});
      state.models.ask(version.model);
      location.hash = `#/models/${version.model}?version=${version.version}`;
    } catch (error) {
      showFaults(signal.aborted ? {message: ''} : error);
    }
    abort = null;
    showSending(false);
    return null;
  }

  function update() {
    setTitle('Upload weights');
    reading.update(state);
    setUsable(start, !abort && state.mayWrite);
  }
  if (context.dropped) source.choose(context.dropped);
  context.dropped = null;
  return {element: zone.element, update, destroy() {
    abort?.abort();
    zone.destroy();
  }};
}
