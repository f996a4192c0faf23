// A network stage by stage; each Inception block with its paths side by side, as in the chapter's figure.

import * as api from '../api.js';
import {h, scroller, setText} from '../dom.js';
import {bytes, grouped, percent, shape} from '../format.js';
import {Table} from '../keyed.js';
import {Reading} from '../reading.js';

const NAMES = {conv: 'Conv', max_pool: 'Max pool', global_avg_pool: 'Global average pool', linear: 'Linear', avg_pool: 'Average pool', concat: 'Concat', add: 'Add', dropout: 'Dropout', relu: 'ReLU', input: 'Input'};

/** The chain of layers that ends at `name`, back to where it leaves `root`. */
function chain(layers, name, root) {
  const path = [];
  for (let layer = layers.get(name); layer && layer.name !== root; layer = layers.get(layer.inputs[0])) path.unshift(layer);
  return path;
}

/**
 * The layers as a list of steps: {layer} or {block, paths, join} where several paths leave one value and
 * meet again in a concat.
 */
function steps(list) {
  const layers = new Map(list.map((l) => [l.name, l]));
  const inside = new Set();
  const blocks = new Map();
  for (const join of list.filter((l) => l.type === 'concat')) {
    const block = join.name.replace(/\.concat$/, '');
    const first = list.find((l) => l.name.startsWith(`${block}.`));
    const paths = join.inputs.map((end) => chain(layers, end, first.inputs[0]));
    paths.flat().forEach((l) => inside.add(l.name));
    blocks.set(join.name, {block, paths, join});
  }
  return list.filter((l) => !inside.has(l.name)).map((l) => blocks.get(l.name) ?? {layer: l});
}

const kernelText = ({kernel}) => (kernel ? ` ${kernel[0]} × ${kernel[1]}` : '');

function card(layer, {total}) {
  const share = layer.multiply_adds / total;
  return h('div', {class: `layer ${layer.type}`},
    h('strong', {}, `${NAMES[layer.type] ?? layer.type}${kernelText(layer)}`), ' ', h('small', {}, layer.name),
    h('div', {class: 'dims'}, shape(layer.shape)),
    layer.parameters ? h('div', {class: 'dims'}, `${grouped(layer.parameters)} parameters`) : null,
    layer.multiply_adds ? h('div', {class: 'share'}, h('meter', {min: 0, max: 1, value: share, 'aria-label': 'Share of the multiply-adds'}), ` ${percent(share)}`) : null);
}

const visible = (layers) => layers.filter((l) => l.type !== 'relu' && l.type !== 'batch_norm');
const sum = (layers, key) => layers.reduce((total, l) => total + l[key], 0);

function draw(network) {
  const net = {total: network.multiply_adds};
  const ends = new Map(network.stages.map((s, i) => [s.name, i + 1]));
  const stages = [];
  let current = [];
  for (const step of steps(network.layers)) {
    current.push(step);
    const name = (step.layer ?? step.join).name;
    if (ends.has(name)) {
      stages.push({number: ends.get(name), steps: current, shape: (step.layer ?? step.join).shape});
      current = [];
    }
  }
  return h('ol', {class: 'network'}, stages.map((stage) => {
    // Paths that part late have their first layers in common.
    const layers = [...new Set(stage.steps.flatMap((s) => (s.layer ? [s.layer] : [...s.paths.flat(), s.join])))];
    return h('li', {},
      h('h2', {}, `Stage ${stage.number} `, h('small', {}, `→ ${shape(stage.shape)} · ${grouped(sum(layers, 'parameters'))} parameters · ${percent(sum(layers, 'multiply_adds') / network.multiply_adds)} of the multiply-adds`)),
      h('div', {class: 'steps'}, stage.steps.map((step) => (step.layer
        ? visible([step.layer]).map((l) => card(l, net))
        : h('div', {class: 'inception', role: 'group', 'aria-label': `Inception block ${step.block}`},
          h('h3', {}, `Inception ${step.block} `, h('small', {}, `→ ${shape(step.join.shape)}`)),
          h('div', {class: 'paths'}, step.paths.map((path) => h('div', {class: 'path'}, visible(path).map((l) => card(l, net))))),
          h('div', {class: 'join'}, 'joined along the channels'))))));
  }));
}

/** All networks side by side, each at its default image size. */
function comparison() {
  const holder = scroller('Networks side by side');
  const table = new Table({caption: 'Each at its default image size, with one channel and ten classes; memory of a training in float32 with batches of 128', keyOf: (n) => n.id, columns: [
    {title: 'Network', make: (n) => ({element: h('a', {href: `#/network/${n.id}`}, n.title)})}, {title: 'Image', text: (n) => n.image_size, class: 'num'},
    {title: 'Parameters', text: (n) => grouped(n.parameters), class: 'num'},
    {title: 'in convolutions', text: (n) => grouped(n.convolution_parameters), class: 'num'},
    {title: 'in linear layers', text: (n) => grouped(n.linear_parameters), class: 'num'},
    {title: 'Multiply-adds', text: (n) => grouped(n.multiply_adds), class: 'num'},
    {title: 'Training memory', text: (n) => bytes(n.training_memory_bytes), class: 'num'},
    {title: 'Smallest image', text: (n) => n.smallest_image_size, class: 'num'}]});
  holder.append(table.element);
  return {element: h('section', {}, h('h2', {}, 'All networks'), holder), set: (networks) => table.set(networks)};
}

export function networkView({state, setTitle}, {path: [name], query}) {
  const heading = h('h1', {}, name);
  const totals = h('p');
  const holder = h('div', {}, h('p', {class: 'empty'}, 'Reading …'));
  const all = comparison();
  const select = h('select', {id: 'network', onchange: () => { location.hash = `#/network/${select.value}`; }});
  const size = h('input', {type: 'text', inputmode: 'numeric', id: 'size', size: 5, value: query.get('image_size') ?? '', onchange: () => {
    history.replaceState(history.state, '', `#/network/${name}${size.value && `?image_size=${encodeURIComponent(size.value)}`}`);
    reading.ask();
  }});
  const train = h('a', {class: 'button primary'}, 'Train this');
  const element = h('section', {}, h('div', {class: 'bar'}, heading, h('span', {class: 'pair-of'}, h('label', {for: 'network'}, 'Network'), select),
    h('span', {class: 'pair-of'}, h('label', {for: 'size'}, 'Image size'), size), train), totals, holder, all.element);

  const reading = new Reading({read: () => api.network(name, size.value ? {image_size: size.value} : {}), take: show,
    fail: (error) => holder.replaceChildren(h('p', {class: 'fault', role: 'alert'}, error.message))});
  function show(network) {
    setText(heading, network.title);
    size.value = network.input.height;
    train.setAttribute('href', `#/new?network=${name}&image_size=${size.value}`);
    setText(totals, `${network.about}. ${grouped(network.parameters)} parameters, ${grouped(network.multiply_adds)} multiply-adds for one image of ${shape(network.input)}.`);
    const layers = scroller('Every layer');
    const table = new Table({caption: 'Layer by layer', keyOf: (l) => l.name, columns: [
      {title: 'Name', text: (l) => l.name}, {title: 'Type', text: (l) => l.type}, {title: 'Output', text: (l) => shape(l.shape), class: 'num'},
      {title: 'Parameters', text: (l) => grouped(l.parameters), class: 'num'}, {title: 'Multiply-adds', text: (l) => grouped(l.multiply_adds), class: 'num'}]});
    table.set(network.layers);
    layers.append(table.element);
    holder.replaceChildren(draw(network), h('details', {}, h('summary', {}, 'Every layer'), layers));
  }
  const listReading = new Reading({read: api.networks, take: (networks) => {
    select.replaceChildren(...networks.map((m) => h('option', {value: m.id}, m.title)));
    select.value = name;
    all.set(networks);
  }, fail: () => {}});
  reading.ask();
  listReading.ask();
  return {element, update() {
    setTitle(heading.textContent);
    reading.update(state);
    listReading.update(state);
  }};
}
