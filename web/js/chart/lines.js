// Lines as columns: {label, color, dash, x: [], y: []}, x ascending, y null or not a number where there is nothing.
// What is looked up, smoothed and drawn of them takes time with the points in view, not with the DOM.

import {firstFrom} from './scale.js';

/** How many colours the style sheet has for lines. */
export const COLORS = 10;
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

const isNumber = (v) => v !== null && v === v;

/** The n-th line's dash: what tells lines of one colour apart. */
export const dashOf = ({color, dash}) => dash ?? DASHES[Math.floor(color / COLORS) % DASHES.length];

const smoothed = new WeakMap();  // values -> what came of them last

/** A line of fewer points is never smoothed: the mean would lag behind by much of the line. */
export const SMOOTH_FROM = 50;

/** An exponential mean with weight 1 - smoothing for the new value, corrected for its start. */
export function smooth(values, smoothing) {
  if (!smoothing || values.length < SMOOTH_FROM) return values;
  const known = smoothed.get(values);
  if (known?.smoothing === smoothing && known.out.length === values.length) return known.out;
  let mean = 0, weight = 0;
  const out = new Float64Array(values.length).fill(NaN);
  for (let i = 0; i < out.length; i++) {
    if (values[i] === null) continue;
    mean = smoothing * mean + (1 - smoothing) * values[i];
    weight = smoothing * weight + (1 - smoothing);
    out[i] = mean / weight;
  }
  smoothed.set(values, {smoothing, out});
  return out;
}

/** The first place whose x is above `value`. */
function firstBeyond(x, value) {
  let i = firstFrom(x, value);
  while (x[i] === value) i++;
  return i;
}

/** The place whose x is nearest to `value`; -1 where there is none. */
export function nearest(x, value) {
  if (x.length === 0) return -1;
  const i = firstFrom(x, value);
  if (i === 0) return 0;
  return i === x.length || value - x[i - 1] <= x[i] - value ? i - 1 : i;
}

/**
 * The line through the points in view. Where many share a column of pixels, the column gets one stroke from
 * its lowest to its highest: the same pixels, in a time that depends on the width alone.
 */
export function strokeLine(ctx, x, y, {min, max, left, width, toY}) {
  const first = Math.max(0, firstFrom(x, min) - 1), last = Math.min(x.length, firstFrom(x, max) + 1);
  const scale = width / (max - min);
  ctx.beginPath();
  if (last - first <= 2 * width) {
    for (let i = first; i < last; i++) if (isNumber(y[i])) ctx.lineTo(left + (x[i] - min) * scale, toY(y[i]));
  } else {
    let column = -1, low = 0, high = 0, down = false;
    const flush = () => {
      ctx.lineTo(left + column, toY(down ? high : low));
      if (low !== high) ctx.lineTo(left + column, toY(down ? low : high));
      down = !down;
    };
    for (let i = first; i < last; i++) {
      const v = y[i];
      if (!isNumber(v)) continue;
      const at = Math.floor((x[i] - min) * scale);
      if (at === column) {
        if (v < low) low = v;
        else if (v > high) high = v;
        continue;
      }
      if (column >= 0) flush();
      column = at;
      low = high = v;
    }
    if (column >= 0) flush();
  }
  ctx.stroke();
}

/** A dot at each point, where there is room for dots: true if they were drawn. */
export function drawDots(ctx, x, y, {min, max, left, width, toY}, size) {
  const first = firstFrom(x, min), end = firstBeyond(x, max);
  if ((end - first) * 2 * size > width) return false;
  const scale = width / (max - min);
  ctx.beginPath();
  for (let i = first; i < end; i++) {
    if (!isNumber(y[i])) continue;
    const at = left + (x[i] - min) * scale, height = toY(y[i]);
    ctx.moveTo(at + size / 2, height);
    ctx.arc(at, height, size / 2, 0, 2 * Math.PI);
  }
  ctx.fill();
  return true;
}

/**
 * Arrowheads at the edge for points that lie beyond the axis, as many as there is room for: how many points they
 * stand for. `edge` is the y of the edge in pixels, `up` which one it is.
 */
export function drawBeyond(ctx, x, y, {min, max, left, width, isBeyond}, {edge, up, size}) {
  const scale = width / (max - min);
  let count = 0, last = -Infinity;
  ctx.beginPath();
  for (let i = firstFrom(x, min), end = firstBeyond(x, max); i < end; i++) {
    if (!isNumber(y[i]) || !isBeyond(y[i])) continue;
    count++;
    const at = left + (x[i] - min) * scale;
    if (at - last < size) continue;
    last = at;
    const base = edge + (up ? size : -size);
    ctx.moveTo(at, edge);
    ctx.lineTo(at + size / 2, base);
    ctx.lineTo(at - size / 2, base);
  }
  ctx.fill();
  return count;
}
