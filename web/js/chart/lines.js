// Lines as columns: {label, color, dash, x: [], y: []}, x ascending, y null or not a number where there is nothing.
// What is looked up, smoothed and drawn of them takes time with the points in view, not with the DOM.

/** How many colours the style sheet has for lines: Okabe and Ito's, which the colour-blind can tell apart. */
export const COLORS = 8;
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

const isNumber = (v) => v !== null && v === v;

/** The n-th line's dash: what tells lines of one colour apart. */
export const dashOf = ({color, dash}) => dash ?? DASHES[Math.floor(color / COLORS) % DASHES.length];

const smoothed = new WeakMap();  // values -> what came of them last

/** An exponential mean with weight 1 - smoothing for the new value, corrected for its start. */
export function smooth(values, smoothing) {
  if (!smoothing) return values;
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

/** The first place whose x is not below `value`. */
export function firstFrom(x, value) {
  let low = 0, high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
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

/** The y from smallest to largest within [min, max]; [Infinity, -Infinity] where there is none. */
export function extent({x, y}, min, max, positive) {
  let low = Infinity, high = -Infinity;
  for (let i = firstFrom(x, min); i < x.length && x[i] <= max; i++) {
    const v = y[i];
    if (v === null || (positive && v <= 0)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
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
