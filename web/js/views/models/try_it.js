// A picture given to a version of a model: what it takes it for, how sure it is, and where it looked.

import * as api from '../../api.js';
import {announce, h, setAttribute, setText} from '../../dom.js';
import {bytes, number, percent} from '../../format.js';
import {KeyedRows} from '../../keyed.js';
import {lookedAt} from '../../looked_at.js';
import {dropZone} from '../drop.js';

const TOP = 5;
const MOST = 64e6;  // bytes that no daemon takes, whatever its settings

/** The classes, the likeliest first, as bars: {element, set(classes)}. */
function ranking() {
  const list = h('ol', {class: 'ranking', 'aria-label': 'What it may be, the likeliest first'});
  const rows = new KeyedRows(list, () => {
    const name = h('span', {class: 'line'}), share = h('span', {class: 'num'}), bar = h('meter', {min: 0, max: 1});
    return {element: h('li', {}, name, share, bar), update(item) {
      setText(name, item.name);
      setAttribute(name, 'title', item.name);
      setText(share, percent(item.probability));
      setAttribute(bar, 'aria-label', `Probability of ${item.name}`);
      bar.value = item.probability;
    }};
  });
  return {element: list, set: (classes) => rows.set(classes, (c) => c.label)};
}

/** {element, choose(version), update(), destroy()}; the version as the daemon tells all of it. */
export function trySection(state) {
  const fault = h('p', {class: 'fault', role: 'alert'});
  const input = h('input', {type: 'file', id: 'picture', class: 'hidden', accept: 'image/jpeg,image/png,image/webp,.jpg,.jpeg,.png,.webp', tabindex: '-1', 'aria-hidden': 'true', onchange: () => {
    if (input.files[0]) take(input.files[0], input.files[0].name);
    input.value = '';
  }});
  const button = h('button', {type: 'button', onclick: () => input.click()}, 'Choose a picture …');
  const sample = h('button', {type: 'button', hidden: true, onclick: () => takeSample()}, 'A test picture of its data set');
  const name = h('p', {class: 'file'});
  const looked = lookedAt();
  const said = h('p', {class: 'hint', role: 'status'});
  const note = h('p', {class: 'hint'});
  const classes = ranking();
  const zone = dropZone((file) => take(file, file.name), {class: 'try'});
  const answer = h('div', {class: 'answer', hidden: true}, h('div', {}, name, looked.element), h('div', {}, classes.element, said, note));
  zone.element.append(h('div', {class: 'drop'}, h('p', {}, 'Drop a picture here, paste one, or'), h('p', {class: 'tools'}, button, sample, input)), fault, answer);

  let version = null;     // that answers
  let picture = null;     // {file, name, truth: the class that it is known to be, or null}
  let unexplained = '';   // the version that cannot say where it looks
  let abort = null;

  async function ask(signal) {
    const reference = `${version.model}@${version.version}`;
    const how = {top_k: TOP, explain: unexplained === reference ? null : true};
    try {
      return await api.predict(reference, picture.file, how, signal);
    } catch (error) {
      if (error.code !== 'not_explainable') throw error;
      unexplained = reference;
      return api.predict(reference, picture.file, {...how, explain: null}, signal);
    }
  }

  function showAnswer({model, version: answered, milliseconds, predictions: [{classes: found, explanation}]}) {
    classes.set(found);
    setText(said, `Answered by version ${answered} of ${model} in ${number(milliseconds, 3)} ms.${picture.truth === null ? '' : ` It is known to be ${picture.truth}.`}`);
    setText(note, explanation ? `The brighter, the more it spoke for ${found[0].name}.` : 'This network cannot say where it looks: it does not end in a global average pooling and a linear layer.');
    announce(`${found[0].name}, ${percent(found[0].probability)}`);
  }

  /** Only the answer for the newest picture and version counts. */
  async function run() {
    abort?.abort();
    if (!picture || !version) return;
    const {signal} = abort = new AbortController();
    setText(fault, '');
    setAttribute(zone.element, 'aria-busy', 'true');
    try {
      const found = await ask(signal);
      if (signal.aborted) return;
      const {explanation} = found.predictions[0];
      await looked.show(picture.file, version.image?.fit ?? 'crop', explanation?.png ?? null);
      if (signal.aborted) return;
      answer.hidden = false;
      setText(name, picture.name);
      showAnswer(found);
    } catch (error) {
      if (signal.aborted) return;
      answer.hidden = true;
      setText(fault, `${picture.name}: ${error.status ? api.faultText(error) : 'the daemon did not answer.'}`);
    }
    setAttribute(zone.element, 'aria-busy', null);
  }

  function take(file, called, truth = null) {
    if (file.size > MOST) {
      answer.hidden = true;
      setText(fault, `${called}: ${bytes(file.size)} are more than a picture may have.`);
      return;
    }
    picture = {file, name: called, truth};
    run();
  }

  const dataset = () => state.sets.get(version?.dataset?.id ?? version?.settings?.dataset);
  async function takeSample() {
    const set = dataset(), n = set.counts.train + Math.floor(set.counts.test * Math.random());
    setText(fault, '');
    try {
      const [{data: [about]}, file] = await Promise.all([api.pictures(set.id, {split: 'test', after: n - 1, limit: 1}), api.picture(set.id, n)]);
      take(file, about.file ?? `picture ${n} of ${set.name}`, about.class);
    } catch (error) {
      setText(fault, `The picture could not be read: ${error.message}`);
    }
  }

  const paste = (event) => {
    const file = [...event.clipboardData?.files ?? []].find((f) => f.type.startsWith('image/'));
    if (!file) return;
    event.preventDefault();
    take(file, file.name || 'the pasted picture');
  };
  addEventListener('paste', paste);

  return {element: zone.element, choose(next) {
    const same = version?.sha256 === next.sha256 && version.version === next.version;
    version = next;
    if (!same) run();
  }, update() {
    state.sets.want();
    const set = dataset();
    sample.hidden = !(set?.status === 'ready' && set.counts.test > 0);
  }, destroy() {
    abort?.abort();
    removeEventListener('paste', paste);
    zone.destroy();
  }};
}
