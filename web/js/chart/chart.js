// A chart: axes and crosshair by uPlot, lines drawn by chart/lines.js, the reader's zoom kept by the chart's group.

import {actionButton, h, setText, setUsable} from '../dom.js';
import {grouped} from '../format.js';
import {ChartGroup} from './group.js';
import {Legend} from './legend.js';
import {COLORS, dashOf, drawBeyond, drawDots, smooth, strokeLine} from './lines.js';
import {Numbers} from './numbers.js';
import {savePicture} from './picture.js';
import {ceiling, extents, logSplits, tick} from './scale.js';

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The lines' colours in the scheme of the moment; asking for styles takes time. */
const palette = () => Array.from({length: COLORS}, (_, n) => css(`--line-${n + 1}`));

/** So many pixels as `n` are where letters have their usual size. */
const scaled = (n) => Math.round((n * parseFloat(getComputedStyle(document.documentElement).fontSize)) / 15);
const FONT = () => `${scaled(12)}px system-ui`;

/** As wide as its longest number, and no narrower than its neighbours'. */
const widthOf = (u, values) => scaled(20) + scaled(7.2) * Math.max(4, ...(values ?? []).map((v) => String(v ?? '').length));

function axis(label, size, log) {
  return {
    ...(log ? {splits: (u, i, min, max) => logSplits(min, max), filter: (u, splits) => splits} : {}),
    label,
    labelSize: label ? scaled(18) : 0,
    labelFont: FONT(),
    font: FONT(),
    stroke: () => css('--muted'),
    grid: {stroke: () => css('--line'), width: 1},
    ticks: {show: false},
    size,
    values: (u, splits) => splits.map(tick),
  };
}

/**
 * A chart in a figure with a caption, a legend and its numbers as a table.
 *   new Chart({title, x: 'epoch', group})
 *   chart.set([{label, color: 0, dash, x: [], y: []}], {scale: 'fitted' | 'all' | 'log', smoothing, mark: {x, label}, none: what to say where there is nothing})
 * Raw values are always there, as dots where there is room; the line over them may be smoothed. A fitted axis leaves
 * out what has diverged, and arrowheads at its edge stand for the points beyond it.
 */
export class Chart {
  #lines = [];
  #smoothed = [];
  #options = {};

  constructor({title, x, group = new ChartGroup(), height = 300}) {
    this.title = title;
    this.xLabel = x;
    this.group = group;
    this.height = height;
    this.legend = new Legend(x, () => this.#redraw());
    this.numbers = new Numbers(title, x);
    this.holder = h('div', {class: 'plot', role: 'group', tabindex: '0', onkeydown: (event) => this.#key(event),
      'aria-label': `${title}, a chart. Plus and minus zoom, arrows move, 0 shows all. The numbers are in the table below.`});
    this.empty = h('p', {class: 'empty'});
    this.beyond = h('p', {class: 'hint', hidden: true});
    this.reset = actionButton('Reset zoom', () => this.resetZoom(), {class: 'quiet', 'aria-disabled': 'true'});
    const closer = (label, text, part) => h('button', {type: 'button', class: 'quiet', 'aria-label': label, title: label, onclick: () => this.#zoom(part)}, text);
    this.tools = h('span', {class: 'tools', hidden: true}, closer('Zoom out', '−', 2), closer('Zoom in', '+', 0.5), this.reset,
      h('button', {type: 'button', class: 'quiet', onclick: () => this.savePng()}, 'PNG'));
    this.element = h('figure', {class: 'chart'}, h('figcaption', {}, h('span', {}, title), this.tools),
      this.empty, this.holder, this.beyond, this.legend.element, this.numbers.element);
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.#size()));
    this.observer.observe(this.holder);
    this.scheme = matchMedia('(prefers-color-scheme: dark)');
    this.recolor = () => this.plot?.redraw();
    this.scheme.addEventListener('change', this.recolor);
    group.add(this);
  }

  #size() {
    return {width: Math.max(200, this.holder.clientWidth), height: scaled(this.height)};
  }

  set(lines, options = {}) {
    this.#lines = lines;
    this.#options = options;
    const filled = lines.filter((l) => l.x.length > 0);
    const any = filled.length > 0;
    this.empty.hidden = any;
    setText(this.empty, options.none ?? 'Nothing recorded yet.');
    for (const part of [this.holder, this.tools, this.legend.element, this.numbers.element]) part.hidden = !any;
    if (!any) this.beyond.hidden = true;
    if (!any) return;
    this.#smoothed = lines.map((l) => smooth(l.y, options.smoothing));
    this.legend.set(lines);
    this.numbers.set(lines);
    // Training begins at 0 on every axis, though the first point comes later.
    this.whole = {min: Math.min(0, ...filled.map((l) => l.x[0])), max: Math.max(...filled.map((l) => l.x.at(-1)))};
    // uPlot lays out the axes by the ends alone; the lines are drawn from their own columns.
    const data = [[this.whole.min, this.whole.max], [null, null]];
    if (!this.plot || this.log !== (options.scale === 'log')) this.#build(data);
    else this.plot.setData(data, false);
    this.lookAgain();
    this.legend.show(this.#cursor());
  }

  #build(data) {
    this.plot?.destroy();
    this.log = this.#options.scale === 'log';
    this.plot = new uPlot({
      ...this.#size(),
      cursor: {sync: {key: this.group.sync, setSeries: false}, drag: {x: true, y: false, setScale: false}, bind: {dblclick: () => () => this.resetZoom()}},
      legend: {show: false},
      // uPlot asks for x first, and shows the new view only when both are known.
      scales: {x: {time: false, range: (u, min, max) => (this.view = min < max ? [min, max] : [0, 1])},
        y: {distr: this.log ? 3 : 1, range: () => this.#range()}},
      axes: [axis(this.xLabel, scaled(30)), axis('', widthOf, this.log)],
      series: [{}, {paths: () => null, points: {show: false}}],
      hooks: {
        draw: [(u) => this.#draw(u)],
        setCursor: [() => this.legend.show(this.#cursor())],
        setSelect: [(u) => this.#selected(u)],
      },
    }, data, this.holder);
    this.#follow(this.plot.over);
  }

  /** A finger moves what was zoomed to; up and down it scrolls the page. */
  #follow(over) {
    let last = null;
    over.addEventListener('pointerdown', (event) => { last = event.pointerType === 'touch' ? event.clientX : null; });
    for (const type of ['pointerup', 'pointercancel']) over.addEventListener(type, () => { last = null; });
    over.addEventListener('pointermove', ({clientX}) => {
      if (last === null || this.group.zoom === null) return;
      const [min, max] = this.view, by = ((last - clientX) / over.clientWidth) * (max - min);
      last = clientX;
      this.#look(min + by, max + by);
    });
  }

  /** The reader has drawn over a stretch of x. */
  #selected(u) {
    const {left, width} = u.select;
    if (width < 4) return;
    u.setSelect({left: 0, width: 0, top: 0, height: 0}, false);
    this.#look(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
  }

  /** Show what the group looks at, with the y axis fitted to what is in view. */
  lookAgain() {
    setUsable(this.reset, this.group.zoom !== null);
    if (!this.plot) return;
    const {min, max} = this.group.zoom ?? this.whole;
    this.plot.setScale('x', {min, max});
  }

  #redraw() {
    this.plot?.setScale('x', {min: this.view[0], max: this.view[1]});
  }

  #cursor() {
    const left = this.plot?.cursor.left ?? -1;
    return left < 0 ? null : this.plot.posToVal(left, 'x');
  }

  #shown() {
    return this.#lines.map((line, i) => ({line, y: this.#smoothed[i]})).filter(({line}) => !this.legend.hidden.has(line.label));
  }

  #range() {
    const lines = this.#shown().map(({line}) => line);
    const top = this.#options.scale === 'fitted' ? ceiling(lines) : Infinity;
    const [low, high] = extents(lines, ...this.view, {top, positive: this.log});
    if (!(low <= high)) return this.log ? [0.1, 1] : [0, 1];
    return this.log ? uPlot.rangeLog(low, high, 10, false) : uPlot.rangeNum(low, high, 0.1, true);
  }

  #draw(u) {
    const {ctx} = u;
    const {left, top, width, height} = u.bbox;
    const {min, max} = u.scales.x;
    const {min: low, max: high} = u.scales.y;
    const fit = this.log ? (v) => (v > 0 ? (Math.log(v) - Math.log(low)) / (Math.log(high) - Math.log(low)) : 0)
      : (v) => (v - low) / (high - low);
    // Far beyond the axis is as good as just beyond it, and a canvas cannot count that far.
    const view = {min, max, left, width, toY: (v) => top + height * (1 - Math.min(2, Math.max(-1, fit(v))))};
    ctx.save();
    ctx.beginPath();
    // A little beyond, so that the dots at the ends are whole.
    const edge = 3 * devicePixelRatio;
    ctx.rect(left - edge, top - edge, width + 2 * edge, height + 2 * edge);
    ctx.clip();
    ctx.lineJoin = 'bevel';
    const colors = palette();
    const size = 8 * devicePixelRatio;
    let above = 0, below = 0;
    for (const {line, y} of this.#shown()) {
      ctx.strokeStyle = ctx.fillStyle = colors[line.color % COLORS];
      this.#drawLine(ctx, line, y, view);
      ctx.globalAlpha = 1;
      above += drawBeyond(ctx, line.x, line.y, {...view, isBeyond: (v) => v > high}, {edge: top, up: true, size});
      below += drawBeyond(ctx, line.x, line.y, {...view, isBeyond: (v) => v < low}, {edge: top + height, up: false, size});
    }
    ctx.restore();
    this.#drawMark(u);
    this.#tellBeyond(above, below);
  }

  #tellBeyond(above, below) {
    const points = (n, where) => (n ? [`${grouped(n)} ${n === 1 ? 'point lies' : 'points lie'} ${where} this axis`] : []);
    const text = [...points(above, 'above'), ...points(below, 'below')].join(', ');
    this.beyond.hidden = text === '';
    setText(this.beyond, text && `${text}: arrowheads mark where.`);
  }

  #drawLine(ctx, line, y, view) {
    const faded = this.legend.front !== null && this.legend.front !== line.label;
    const few = this.#lines.length < 9;
    const dense = line.x.length > view.width;
    const smoothed = y !== line.y;
    ctx.globalAlpha = (faded ? 0.12 : 1) * (smoothed ? 0.4 : 1);
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([]);
    const raw = few || this.legend.front === line.label;
    if (raw && !drawDots(ctx, line.x, line.y, view, 5 * devicePixelRatio) && smoothed) strokeLine(ctx, line.x, line.y, view);
    ctx.globalAlpha = faded ? 0.12 : 1;
    // Wide and dashed strokes cost time by the pixel; among many dense lines nobody sees them.
    ctx.lineWidth = (few || !dense ? 2 : 1) * devicePixelRatio;
    if (!dense) ctx.setLineDash(dashOf(line).map((d) => d * devicePixelRatio));
    strokeLine(ctx, line.x, y, view);
    ctx.setLineDash([]);
  }

  /** A dashed line where options.mark = {x, label} says. */
  #drawMark(u) {
    const {mark} = this.#options;
    if (!mark) return;
    const x = Math.round(u.valToPos(mark.x, 'x', true));
    const {left, top, width, height} = u.bbox;
    if (x < left || x > left + width) return;
    const {ctx} = u;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = css('--muted');
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    ctx.font = `${scaled(12) * devicePixelRatio}px system-ui`;
    ctx.textAlign = x > left + width / 2 ? 'right' : 'left';
    ctx.fillText(` ${mark.label} `, x, top + scaled(12) * devicePixelRatio);
    ctx.restore();
  }

  /** Keep the view within the data and show it. */
  #look(min, max) {
    const {min: first, max: last} = this.whole;
    if (first === last || !(min < max)) return;
    const span = Math.min(max - min, last - first);
    const from = Math.min(Math.max(min, first), last - span);
    this.group.look(span === last - first ? null : {min: from, max: from + span});
  }

  /** Show so many times as much of x around the middle. */
  #zoom(times) {
    const [min, max] = this.view, middle = (min + max) / 2, half = (times * (max - min)) / 2;
    this.#look(middle - half, middle + half);
  }

  #key(event) {
    if (event.target !== this.holder || !this.plot) return;
    const [min, max] = this.view;
    const by = (max - min) / 4;
    const deeds = {
      '+': () => this.#zoom(0.5), '-': () => this.#zoom(2), 0: () => this.resetZoom(),
      ArrowLeft: () => this.#look(min - by, max - by), ArrowRight: () => this.#look(min + by, max + by),
    };
    const deed = deeds[event.key === '=' ? '+' : event.key];
    if (!deed || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    deed();
  }

  resetZoom() {
    this.group.look(null);
  }

  savePng() {
    const lines = this.#shown().map(({line}) => line);
    const colors = palette();
    savePicture({canvas: this.plot.ctx.canvas, ratio: devicePixelRatio, title: this.title, lines,
      paint: {surface: css('--surface'), text: css('--text'), stroke: (line) => colors[line.color % COLORS]}});
  }

  destroy() {
    this.group.remove(this);
    this.observer.disconnect();
    this.scheme.removeEventListener('change', this.recolor);
    this.plot?.destroy();
  }
}
