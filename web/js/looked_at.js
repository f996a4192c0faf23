// A picture with a class activation map laid over it. The map is of the square that the network saw: of a picture that
// is not square that is its middle, all of it stretched, or more than there is of it.

import {h, setText} from './dom.js';

const SIDE = 448;    // pixels of the longer side that is drawn
const COARSE = 128;  // pictures with shorter sides are shown pixel by pixel
const WHERE = [['upper left', 'upper middle', 'upper right'], ['left', 'middle', 'right'], ['lower left', 'lower middle', 'lower right']];

/** What the network saw of a picture of this size, in its own pixels. */
function seenOf(width, height, fit) {
  if (fit === 'stretch') return {x: 0, y: 0, width, height};
  const side = fit === 'pad' ? Math.max(width, height) : Math.min(width, height);
  return {x: (width - side) / 2, y: (height - side) / 2, width: side, height: side};
}

async function bitmapOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], {type: 'image/png'}));
}

/** From nothing over red to bright yellow: the picture stays to be seen where nothing spoke. */
function heat(data) {
  for (let i = 0; i < data.length; i += 4) {
    const v = data[i] / 255;
    data.set([255, Math.round(255 * Math.max(0, Math.min(1, 2 * v - 0.7))), 40 * v, 255 * v], i);
  }
}

/** The map in colours on a canvas of its own, and where it is highest, in words. */
async function mapOf(png) {
  const bitmap = await bitmapOf(png);
  const canvas = h('canvas', {width: bitmap.width, height: bitmap.height});
  const ctx = canvas.getContext('2d', {willReadFrequently: true});
  ctx.drawImage(bitmap, 0, 0);
  bitmap.close();
  const image = ctx.getImageData(0, 0, canvas.width, canvas.height);
  let most = 0;
  for (let i = 0; i < image.data.length; i += 4) if (image.data[i] > image.data[most]) most = i;
  const at = most / 4, third = (v, n) => Math.min(2, Math.floor(3 * v / n));
  const where = WHERE[third(Math.floor(at / canvas.width), canvas.height)][third(at % canvas.width, canvas.width)];
  heat(image.data);
  ctx.putImageData(image, 0, 0);
  return {canvas, where};
}

/** {element, show(file, fit, png)}: `png` is the map, base64, null where there is none. */
export function lookedAt() {
  const canvas = h('canvas', {class: 'looked', role: 'img', width: 1, height: 1});
  const opacity = h('input', {type: 'range', id: 'opacity', min: 0, max: 1, step: 0.05, value: '0.6', oninput: () => draw()});
  const slider = h('p', {class: 'pair-of'}, h('label', {for: 'opacity'}, 'Where it looked'), opacity);
  const unseen = h('p', {class: 'hint'});
  const element = h('div', {}, canvas, slider, unseen);
  let bitmap = null, seen = null, map = null;

  function draw() {
    if (!bitmap) return;
    // All of the picture and all that the network saw, which may be more.
    const left = Math.min(0, seen.x), top = Math.min(0, seen.y);
    const width = Math.max(bitmap.width, seen.x + seen.width) - left, height = Math.max(bitmap.height, seen.y + seen.height) - top;
    const scale = SIDE / Math.max(width, height);
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const ctx = canvas.getContext('2d');
    ctx.scale(scale, scale);
    ctx.translate(-left, -top);
    ctx.fillStyle = '#000';
    ctx.fillRect(left, top, width, height);
    ctx.imageSmoothingEnabled = Math.max(width, height) >= COARSE;
    ctx.globalAlpha = 0.4;  // what is cut off
    ctx.drawImage(bitmap, 0, 0);
    ctx.globalAlpha = 1;
    ctx.beginPath();
    ctx.rect(seen.x, seen.y, seen.width, seen.height);
    ctx.clip();
    ctx.drawImage(bitmap, 0, 0);
    if (!map) return;
    ctx.imageSmoothingEnabled = true;
    ctx.globalAlpha = Number(opacity.value);
    ctx.drawImage(map.canvas, seen.x, seen.y, seen.width, seen.height);
  }

  return {element, async show(file, fit, png) {
    // The daemon may read what this browser cannot.
    const [next, made] = await Promise.all([createImageBitmap(file).catch(() => null), png && mapOf(png)]);
    bitmap?.close();
    [bitmap, map] = [next, made];
    canvas.hidden = !bitmap;
    slider.hidden = !bitmap || !map;
    if (!bitmap) {
      setText(unseen, 'This browser cannot show the picture.');
      return;
    }
    seen = seenOf(bitmap.width, bitmap.height, fit);
    const cut = fit === 'crop' && bitmap.width !== bitmap.height;
    setText(unseen, cut ? 'The network saw the middle; what is darker was cut off.' : '');
    canvas.setAttribute('aria-label', `The picture${map ? `; the network looked most at its ${map.where}` : ''}`);
    draw();
  }};
}
