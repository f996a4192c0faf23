// What a y axis shows: its range, its numbers, and what lies beyond it.

/** A loss this many times as large as where the runs began has diverged. */
const DIVERGED = 4;

/** A number of an axis in few letters: 0.05, 2.5, 12000, 1e9. */
export function tick(v) {
  if (v === null || v === undefined) return '';
  const size = Math.abs(v);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return v.toExponential(3).replace(/\.?0+e/, 'e').replace('e+', 'e');
  return Number(v.toPrecision(6)).toString();
}

/** A number in words of its own, 4 digits. */
export const short = (v) => (Number.isFinite(v) ? tick(Number(v.toPrecision(4))) : '–');

/** Where a logarithmic axis has its numbers: powers of ten, and what lies between them where there are few. */
export function logSplits(min, max) {
  const decades = Math.log10(max / min);
  const between = decades > 4 ? [1] : decades > 1.5 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const splits = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power++)
    for (const digit of between) splits.push(Number(`${digit}e${power}`));
  return splits.filter((v) => v >= min && v <= max);
}

/** Where a line begins: the middle one of its first three values; null where it has none. */
function beginning({y}) {
  const first = [];
  for (let i = 0; i < y.length && first.length < 3; i++) if (Number.isFinite(y[i])) first.push(y[i]);
  return first.sort((a, b) => a - b)[first.length >> 1] ?? null;
}

/**
 * The value above which a line counts as diverged: a multiple of where the lines begin, of which the lower middle
 * one decides, so that runs that went wrong do not. Infinity where nothing says so.
 */
export function ceiling(lines) {
  const beginnings = lines.map(beginning).filter((v) => v > 0).sort((a, b) => a - b);
  return beginnings.length ? DIVERGED * beginnings[(beginnings.length - 1) >> 1] : Infinity;
}

/**
 * Smallest and largest value in view: of x within [min, max], and of y up to `top` where that leaves any.
 * [Infinity, -Infinity] where there is nothing. `positive` leaves out what a logarithm cannot show.
 */
export function extents(lines, min, max, {top = Infinity, positive = false} = {}) {
  let low = Infinity, high = -Infinity, beyond = -Infinity;
  for (const {x, y} of lines) {
    for (let i = firstFrom(x, min); i < x.length && x[i] <= max; i++) {
      const v = y[i];
      if (v === null || v !== v || (positive && v <= 0)) continue;
      if (v < low) low = v;
      if (v > beyond) beyond = v;
      if (v > high && v <= top) high = v;
    }
  }
  return high === -Infinity ? [low, beyond] : [low, high];
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
