// What a run's augmentation does to a picture of its data set, with the settings of the form.

import * as api from '../../api.js';
import {h, setText} from '../../dom.js';
import {draw, picture} from '../../pictures.js';
import {Reading} from '../../reading.js';

const DRAWS = 8;

/** Whether every epoch sees the same of a picture, mixup apart. */
const isPlain = ({augmentation: a = {}}) => !a.crop_padding && !a.resized_crop && (a.flip ?? 'none') === 'none' && !a.erasing;

/** {element, show(settings, set), update(state)}: settings as one posts them, `set` the data set that they name. */
export function augmentationPreview() {
  const tiles = h('ul', {class: 'tiles'});
  const said = h('p', {class: 'hint'});
  const another = h('button', {type: 'button', class: 'quiet', onclick: () => {
    n = Math.floor(Math.random() * set.counts.train);
    ask();
  }}, 'Another picture');
  const element = h('section', {class: 'augmentation', hidden: true}, h('h2', {}, 'What the network sees'), said, tiles, h('p', {class: 'tools'}, another));
  let set = null, settings = null, n = 0, asked = '', original = null;
  const canvases = Array.from({length: DRAWS}, (_, i) => h('canvas', {class: 'picture', role: 'img', 'aria-label': `As in epoch ${i + 1}`, width: 1, height: 1}));

  const tile = (canvas, text) => h('li', {class: 'tile'}, h('span', {class: 'thumb'}, canvas), h('span', {class: 'line'}, text));

  /** The draws, which come side by side in one picture. */
  async function cut(blob) {
    const strip = await createImageBitmap(blob);
    const side = strip.height;
    const draws = await Promise.all(canvases.map((_, i) => createImageBitmap(strip, i * side, 0, side, side)));
    strip.close();
    return draws;
  }

  const reading = new Reading({read: async () => cut(await api.preview(set.id, n, settings, DRAWS)), take: showDraws, fail: (error) => {
    asked = '';
    setText(said, error.status ? `Not to be shown: ${error.message}` : 'The daemon does not answer.');
  }});

  /** What was asked for last is not asked for again. */
  function ask() {
    const question = JSON.stringify([set.id, n, settings]);
    if (question === asked) return;
    asked = question;
    reading.ask();
  }

  function showDraws(draws) {
    if (original !== `${set.id} ${n}`) {
      original = `${set.id} ${n}`;
      tiles.replaceChildren(tile(picture(set.id, n, 'As it is stored'), 'as stored'), ...canvases.map((c, i) => tile(c, `epoch ${i + 1}`)));
    }
    canvases.forEach((canvas, i) => draw(canvas, draws[i]));
    const plain = isPlain(settings);
    [...tiles.children].slice(2).forEach((tile) => { tile.hidden = plain; });
    setText(tiles.children[1].querySelector('.line'), plain ? 'every epoch' : 'epoch 1');
    setText(said, `${plain ? 'One training picture as it is stored, and in the size of these settings: without augmentation every epoch sees the same'
      : 'One training picture, in the size and as the augmentation of these settings draw it in each epoch'}${settings.augmentation?.mixup ? '; mixup is not shown' : ''}.`);
    element.hidden = false;
  }
  return {element, update: (state) => reading.update(state), show(next, of) {
    settings = next;
    element.hidden = !of;
    if (!of) return;
    if (set?.id !== of.id) n = 0;
    set = of;
    ask();
  }};
}
