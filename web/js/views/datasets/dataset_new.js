// A new data set: an archive from this computer, or a folder that the daemon's operator laid out.

import * as api from '../../api.js';
import {actionButton, h, isUsable, setText, setUsable} from '../../dom.js';
import {bytes} from '../../format.js';
import {requestKey} from '../../key.js';
import {Reading} from '../../reading.js';
import {chosenFolder, droppedFile} from '../../tar.js';
import {dropZone} from '../drop.js';
import {formFields} from '../form_fields.js';

const NONE = {minimum: null, maximum: null, exclusive_minimum: false, exclusive_maximum: false, needs: null, choices: null};
/** The fields, as the daemon describes those of jobs; its own defaults. */
const FIELDS = [
  {path: 'name', title: 'Name', group: 'Name', type: 'string', default: '', description: 'no other set may have it'},
  {path: 'image.channels', title: 'Colours', group: 'What each picture becomes', type: 'colours', default: 3, description: ''},
  {path: 'image.size', title: 'Size', group: 'What each picture becomes', type: 'integer', default: 96, minimum: 8, maximum: 1024, description: 'pixels of a side; a larger one shows more and trains slower'},
  {path: 'image.fit', title: 'Fit', group: 'What each picture becomes', type: 'fit', default: 'crop', description: 'how one that is no square becomes one'},
  {path: 'image.filter', title: 'Resized by', group: 'What each picture becomes', type: 'filter', default: 'bilinear', description: ''},
  {path: 'test_share', title: 'Test share', group: 'Test pictures', type: 'number', default: 0.2, minimum: 0, maximum: 0.9, description: 'of each class; where the source has no test folder of its own'},
  {path: 'seed', title: 'Seed', group: 'Test pictures', type: 'integer', default: 0, description: 'another number draws other test pictures'},
].map((row) => ({...NONE, ...row}));
const LISTS = {
  colours: [{id: '3', title: 'colour'}, {id: '1', title: 'grey'}],
  fit: [{id: 'crop', title: 'cut out the middle'}, {id: 'pad', title: 'add black bars'}, {id: 'stretch', title: 'stretch'}],
  filter: [{id: 'bilinear', title: 'bilinear'}, {id: 'bicubic', title: 'bicubic, sharper'}],
};
const NAME_MOST = 128;

/** "/a/Shirts 2.tar.gz" -> "Shirts 2" */
const nameOf = (path) => path.split('/').at(-1).replace(/\.(zip|tar|tgz|tar\.gz)$/i, '').slice(0, NAME_MOST);

function layouts() {
  const item = (title, text) => h('li', {}, h('strong', {}, title), ` ${text}`);
  return h('details', {}, h('summary', {}, 'How the pictures may be laid out'), h('ul', {class: 'hint'},
    item('A folder per class:', 'cats/1.jpg, dogs/2.png. Test pictures are drawn by the share below.'),
    item('train/ and test/', '(or val/, valid/) with a folder per class in each.'),
    item('A CSV', 'of file and label, and the split where there is one, beside the pictures.'),
    item('The four files', 'of a set like MNIST.'),
    h('li', {}, 'JPEG, PNG and WebP, known by their content. Whatever cannot be used is left out, and named.')));
}

/**
 * Where the pictures come from: {element, file(), folder(), showFault(text), choose(promise of {file, about})}.
 * A folder takes a while to be read, and is then one file as well.
 */
function sourceFields(onChoice) {
  const fault = h('p', {class: 'fault', role: 'alert', id: 'source-fault'});
  let file = null, chosenLast = null;
  /** A button that asks the browser for a file, or for a folder. */
  function chooser(id, text, attributes, take) {
    const input = h('input', {type: 'file', id, class: 'hidden', tabindex: '-1', 'aria-hidden': 'true', ...attributes, onchange: () => { if (input.files[0]) choose(take(input.files)); }});
    return [h('button', {type: 'button', 'aria-describedby': 'chosen source-fault', onclick: () => input.click()}, text), input];
  }
  const chosen = h('strong', {id: 'chosen', class: 'chosen'});
  const archive = h('div', {class: 'drop'}, h('p', {}, 'Drop a folder of pictures here, or a zip or tar of one, or'),
    h('p', {}, chooser('local-folder', 'Choose a folder …', {webkitdirectory: true}, async (files) => chosenFolder(files)), ' ',
      chooser('file', 'Choose a file …', {accept: '.zip,.tar,.tgz,.gz'}, async ([first]) => ({file: first, about: first.name}))), h('p', {}, chosen));
  const folders = h('select', {id: 'folder', onchange: () => onChoice(folders.value)});
  const folderField = h('p', {class: 'pair-of', hidden: true}, h('label', {for: 'folder'}, 'Folder or archive'), folders);
  const kind = (value, text) => h('label', {class: 'pair-of'}, h('input', {type: 'radio', name: 'source', value, checked: value === 'file', onchange: show}), text);
  const kinds = h('div', {class: 'tools', hidden: true}, kind('file', 'From this computer'), kind('folder', 'From the daemon’s machine'));
  const element = h('fieldset', {class: 'source'}, h('legend', {}, 'Pictures'), kinds, archive, folderField, fault, layouts());
  const isFolder = () => kinds.querySelector('input[value=folder]').checked;

  function show() {
    archive.hidden = isFolder();
    folderField.hidden = !isFolder();
    setText(fault, '');
    if (isFolder()) onChoice(folders.value);
    else if (file) onChoice(file.name);
  }
  async function choose(next) {
    chosenLast = next;
    file = null;
    kinds.querySelector('input[value=file]').checked = true;
    setText(chosen, 'Reading …');
    show();
    try {
      const {file: read, about} = await next;
      if (chosenLast !== next) return;
      file = read;
      setText(chosen, `${about}, ${bytes(file.size)}`);
      show();
    } catch (error) {
      if (chosenLast !== next) return;
      setText(chosen, '');
      setText(fault, `The folder could not be read. ${error.message}`);
    }
  }
  const reading = new Reading({read: api.imports, take: (sources) => {
    kinds.hidden = sources.length === 0;
    folders.replaceChildren(...sources.map((s) => h('option', {value: s.folder}, s.kind === 'folder' ? `${s.folder}/` : `${s.folder}, ${bytes(s.bytes)}`)));
  }, fail: () => {}});
  reading.ask();
  return {element, choose, update: (state) => reading.update(state), file: () => file, folder: () => (isFolder() ? folders.value : null), showFault: (text) => setText(fault, text)};
}

export function newDatasetView(context) {
  const {state, transfers, setTitle} = context;
  state.sets.want();
  const form = formFields(FIELDS, LISTS);
  const general = h('p', {class: 'fault', role: 'alert'});
  const start = actionButton('Import', () => submit(), {class: 'primary'});
  let own = false;  // a name was typed
  const keyOf = requestKey();
  let sending = false;
  const source = sourceFields((path) => { if (!own) form.fields.get('name').set(nameOf(path)); });
  const zone = dropZone((file, entries) => source.choose(droppedFile(file, entries)));
  form.set({name: '', image: {channels: 3, size: 96, fit: 'crop', filter: 'bilinear'}, test_share: 0.2, seed: 0});
  form.element.addEventListener('input', (event) => { if (event.target.name === 'name') own = event.target.value !== ''; });
  zone.element.append(h('div', {class: 'bar'}, h('h1', {}, 'New data set')),
    h('form', {novalidate: true, onsubmit: (event) => { event.preventDefault(); submit(); }}, source.element, form.element, general, h('p', {class: 'tools'}, start)));

  function request() {
    const values = form.values();
    return {...values, image: {...values.image, channels: Number(values.image.channels)}};
  }

  function showFaults(error) {
    const errors = error.errors?.length ? error.errors : [{pointer: error.code === 'name_taken' ? '/name' : '/', detail: error.message}];
    source.showFault(errors.filter((e) => e.pointer.startsWith('/source')).map((e) => e.detail).join('; '));
    setText(general, form.showFaults(errors.filter((e) => !e.pointer.startsWith('/source'))).join('; '));
  }

  /** What can be told without the daemon, before gigabytes are sent. */
  function check({name}, file, folder) {
    if (folder === null && !file) return {pointer: '/source', detail: 'Choose pictures first: a folder or a file.'};
    if (folder === null && file.size === 0) return {pointer: '/source', detail: 'The file is empty.'};
    return state.sets.all.some((s) => s.name === name) ? {pointer: '/name', detail: 'another data set has this name'} : null;
  }

  async function submit() {
    if (sending || !isUsable(start)) return;
    const body = request(), file = source.file(), folder = source.folder();
    const fault = check(body, file, folder);
    showFaults({errors: fault ? [fault] : [], message: ''});
    if (fault) return;
    sending = true;
    setText(start, 'Asking the daemon …');
    setUsable(start, false);
    try {
      const whole = {...body, source: {folder}};
      const set = folder === null ? await transfers.start(body, file) : await api.createDataset(whole, keyOf(whole));
      if (set) state.sets.put(set);
      // Not where the reader has gone elsewhere meanwhile.
      if (zone.element.isConnected) location.hash = set ? `#/datasets/${set.id}` : '#/datasets';
    } catch (error) {
      showFaults(error.status ? error : {message: 'The daemon does not answer.'});
    }
    sending = false;
    setText(start, 'Import');
  }

  if (context.dropped) source.choose(context.dropped);
  context.dropped = null;
  return {element: zone.element, update() {
    setTitle('New data set');
    source.update(state);
    setUsable(start, !sending && state.mayWrite);
  }, destroy: zone.destroy};
}
