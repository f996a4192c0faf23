// Charts: one builder of uPlot options, columnar data as the API sends it, and the reader's zoom kept.

import {h, save, scroller, table} from './dom.js';

/** How many colours the style sheet has for lines: Okabe and Ito's, which the colour-blind can tell apart. */
const COLORS = 8;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The n-th line's colour, in the scheme of the moment. */
const color = (n) => css(`--line-${(n % COLORS) + 1}`);

/** An exponential mean with weight 1 - smoothing for the new value, corrected for its start. */
export function smooth(values, smoothing) {
  if (!smoothing) return values;
  let mean = 0, weight = 0;
  return values.map((v) => {
    if (v === null || v === undefined) return v;
    mean = smoothing * mean + (1 - smoothing) * v;
    weight = smoothing * weight + (1 - smoothing);
    return mean / weight;
  });
}

function axis(label, {log, size = 52} = {}) {
  return {
    label,
    labelSize: 18,
    labelFont: '12px system-ui',
    font: '12px system-ui',
    stroke: () => css('--muted'),
    grid: {stroke: () => css('--line'), width: 1},
    ticks: {show: false},
    size,
    ...(log ? {} : {values: (u, splits) => splits.map((v) => (v === null ? '' : Number(v.toPrecision(6)).toString()))}),
  };
}

/**
 * A chart in a figure with a caption, a legend and its numbers as a table.
 *   new Chart({title, x: 'epoch', y: '', sync: 'run'})
 *   chart.set([{label, color: 0, x: [], y: [], dash}], {log, smoothing, mark})
 * Raw values are always there as dots; the line over them may be smoothed.
 */
export class Chart {
  constructor({title, x, y, sync, height = 300}) {
    this.title = title;
    this.labels = {x, y};
    this.sync = sync;
    this.height = height;
    this.holder = h('div', {class: 'plot', role: 'img', 'aria-label': `${title}. The numbers are in the table below.`});
    this.tableHolder = scroller(`${title}, as numbers`);
    this.details = h('details', {ontoggle: () => this.#fillTable()}, h('summary', {}, 'Numbers'), this.tableHolder);
    this.empty = h('p', {class: 'empty'}, 'Nothing recorded yet.');
    this.element = h('figure', {class: 'chart'},
      h('figcaption', {}, h('span', {}, title),
        h('span', {class: 'tools'},
          h('button', {type: 'button', class: 'quiet', onclick: () => this.resetZoom()}, 'Reset zoom'),
          h('button', {type: 'button', class: 'quiet', onclick: () => this.savePng()}, 'PNG'))),
      this.empty, this.holder, this.details);
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.#size()));
    this.observer.observe(this.holder);
    this.scheme = matchMedia('(prefers-color-scheme: dark)');
    this.redraw = () => this.plot?.redraw();
    this.scheme.addEventListener('change', this.redraw);
  }

  #size() {
    return {width: Math.max(200, this.holder.clientWidth), height: this.height};
  }

  set(lines, options = {}) {
    this.lines = lines;
    this.options = options;
    const any = lines.some((l) => l.x.length > 0);
    this.empty.hidden = any;
    this.holder.hidden = !any;
    if (!any) return;
    const data = uPlot.join(lines.flatMap((l) => [[l.x, l.y], [l.x, smooth(l.y, options.smoothing)]]));
    const shape = JSON.stringify([lines.map((l) => [l.label, l.color, l.dash]), options.log]);
    if (!this.plot || this.shape !== shape) this.#build(data, lines, shape);
    else this.#update(data);
    if (this.details.open) this.#fillTable();
  }

  #build(data, lines, shape) {
    const zoom = this.plot && this.#zoomed() ? {...this.plot.scales.x} : null;
    this.plot?.destroy();
    this.shape = shape;
    const {log} = this.options;
    this.plot = new uPlot({
      ...this.#size(),
      cursor: {sync: {key: this.sync, setSeries: false}, points: {size: 7}, drag: {x: true, y: false}},
      legend: {live: true},
      scales: {x: {time: false}, y: log ? {distr: 3} : {}},
      axes: [axis(this.labels.x, {size: 30}), axis(this.labels.y, {log})],
      series: [{label: this.labels.x, value: (u, v) => (v === null ? '–' : v.toFixed(2))}, ...lines.flatMap((l) => this.#series(l))],
      hooks: {draw: [(u) => this.#drawMark(u)]},
    }, data, this.holder);
    if (zoom) this.plot.setScale('x', {min: zoom.min, max: zoom.max});
  }

  /** Two series a line: the dots of the raw values, and the line. */
  #series({label, color: n, dash}) {
    const value = (u, v) => (v === null || v === undefined ? '–' : Number(v.toPrecision(4)).toString());
    return [
      {label: `${label}, raw`, stroke: () => `${color(n)}88`, paths: () => null, points: {show: true, size: 4, fill: () => `${color(n)}66`}, value, spanGaps: true},
      {label, stroke: () => color(n), width: 2, dash: dash ?? (n >= COLORS ? [6, 3] : undefined), points: {show: false}, value, spanGaps: true},
    ];
  }

  #zoomed() {
    const xs = this.plot.data[0];
    const {min, max} = this.plot.scales.x;
    return xs.length > 0 && (min > xs[0] || max < xs.at(-1));
  }

  #update(data) {
    const zoomed = this.#zoomed();
    const {min, max} = this.plot.scales.x;
    this.plot.setData(data, !zoomed);
    if (zoomed) this.plot.setScale('x', {min, max});
  }

  resetZoom() {
    const xs = this.plot?.data[0];
    if (xs?.length) this.plot.setScale('x', {min: xs[0], max: xs.at(-1)});
  }

  zoomTo(min, max) {
    this.plot.setScale('x', {min, max});
  }

  /** A dashed line where options.mark = {x, label} says. */
  #drawMark(u) {
    const {mark} = this.options;
    if (!mark) return;
    const x = Math.round(u.valToPos(mark.x, 'x', true));
    const {left, top, width, height} = u.bbox;
    if (x < left || x > left + width) return;
    const {ctx} = u;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = css('--muted');
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    ctx.font = `${12 * devicePixelRatio}px system-ui`;
    ctx.textAlign = x > left + width / 2 ? 'right' : 'left';
    ctx.fillText(` ${mark.label} `, x, top + 12 * devicePixelRatio);
    ctx.restore();
  }

  #fillTable() {
    if (!this.details.open || !this.lines) return;
    const joined = uPlot.join(this.lines.map((l) => [l.x, l.y]));
    const rows = joined[0].map((x, i) => [String(x), ...joined.slice(1).map((c) => (c[i] === null || c[i] === undefined ? '' : String(c[i])))]);
    this.tableHolder.replaceChildren(table(this.title, [this.labels.x, ...this.lines.map((l) => l.label)], rows));
  }

  savePng() {
    const {canvas} = this.plot.ctx;
    const copy = h('canvas', {});
    copy.width = canvas.width;
    copy.height = canvas.height;
    const ctx = copy.getContext('2d');
    ctx.fillStyle = css('--surface');
    ctx.fillRect(0, 0, copy.width, copy.height);
    ctx.drawImage(canvas, 0, 0);
    copy.toBlob((blob) => save(blob, `${this.title}.png`));
  }

  destroy() {
    this.observer.disconnect();
    this.scheme.removeEventListener('change', this.redraw);
    this.plot?.destroy();
  }
}
