// Numbers, spans and times as people read them.

export const NONE = '–';
const missing = (x) => x === null || x === undefined;

/** A name among other words, whichever way its letters run. */
export const isolated = (name) => `\u2068${name}\u2069`;

export const percent = (x, digits = 1) => (missing(x) ? NONE : `${(100 * x).toFixed(digits)} %`);
export const number = (x, digits = 4) => (missing(x) ? NONE : Math.abs(x) >= 1e6 ? x.toExponential(2) : Number(x.toPrecision(digits)).toString());
// Kept, as those of times below: toLocaleString() looks for the language at each call, which takes 15 times as long.
const GROUPED = new Intl.NumberFormat('en');
export const grouped = (x) => (missing(x) ? NONE : GROUPED.format(Math.round(x)));
export const rate = (x) => (x ? `${x < 10 ? x.toFixed(1) : grouped(x)}/s` : NONE);
export const counted = (n, one, many = `${one}s`) => `${grouped(n)} ${n === 1 ? one : many}`;

export function bytes(n) {
  if (missing(n)) return NONE;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  for (; n >= 1000 && i < units.length - 1; i++) n /= 1000;
  return `${n.toFixed(n < 10 && i > 0 ? 1 : 0)} ${units[i]}`;
}

/** 3725 -> "1 h 2 min", 0.31 -> "0.3 s" */
export function span(seconds) {
  if (missing(seconds) || !Number.isFinite(seconds)) return NONE;
  if (seconds > 0 && seconds < 0.95) return seconds < 0.05 ? 'under 0.1 s' : `${seconds.toFixed(1)} s`;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60 ? `${s % 60} s` : ''}`.trim();
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

const TIME = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'medium'});
const CLOCK = new Intl.DateTimeFormat(undefined, {timeStyle: 'medium'});
const MINUTE = new Intl.DateTimeFormat(undefined, {month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit'});
const DAY = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium'});
export const time = (text) => (text ? TIME.format(new Date(text)) : NONE);
/** In few letters: the minute, or the day of another year. */
export function shortTime(text) {
  if (!text) return NONE;
  const at = new Date(text);
  return (at.getFullYear() === new Date().getFullYear() ? MINUTE : DAY).format(at);
}
export const clock = (ms) => CLOCK.format(new Date(ms));

export const shape = (s) => (s.height === 1 && s.width === 1 ? `${s.channels}` : `${s.channels} × ${s.height} × ${s.width}`);

/** {optimizer: {momentum: 0}} -> [['optimizer.momentum', 0]]; a list is one value. */
export function flat(value, path = '') {
  if (Array.isArray(value)) return [[path, value.join(', ')]];
  if (value === null || typeof value !== 'object') return [[path, value]];
  return Object.entries(value).flatMap(([k, v]) => flat(v, path ? `${path}.${k}` : k));
}

/**
 * And back: flatAt({optimizer: {momentum: 0}}, 'optimizer.momentum') -> 0. Keys may have dots themselves, as those of
 * metadata; undefined where there is no such value.
 */
export function flatAt(value, path) {
  if (value === null || typeof value !== 'object') return undefined;
  if (Object.hasOwn(value, path)) return value[path];
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const key = path.slice(0, dot);
    const found = Object.hasOwn(value, key) ? flatAt(value[key], path.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
