// Numbers, spans and times as people read them.

const NONE = '–';

export const percent = (x, digits = 1) => (x === null || x === undefined ? NONE : `${(100 * x).toFixed(digits)} %`);
export const number = (x, digits = 4) => (x === null || x === undefined ? NONE : Number(x.toPrecision(digits)).toString());
export const grouped = (x) => (x === null || x === undefined ? NONE : Math.round(x).toLocaleString('en'));
export const rate = (x) => (x ? `${x < 10 ? x.toFixed(1) : Math.round(x).toLocaleString('en')}/s` : NONE);

export function bytes(n) {
  const units = ['B', 'kB', 'MB', 'GB'];
  let i = 0;
  for (; n >= 1000 && i < units.length - 1; i++) n /= 1000;
  return `${n.toFixed(n < 10 && i > 0 ? 1 : 0)} ${units[i]}`;
}

/** 3725 -> "1 h 2 min" */
export function span(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60 ? `${s % 60} s` : ''}`.trim();
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function time(text) {
  return text ? new Date(text).toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'medium'}) : NONE;
}

export function timeLeft(job) {
  if (!job.estimated_finish_at) return null;
  return (new Date(job.estimated_finish_at) - Date.now()) / 1000;
}

export const title = (job) => job.name || `${job.settings.network} on ${job.settings.dataset}`;
export const shape = (s) => (s.height === 1 && s.width === 1 ? `${s.channels}` : `${s.channels} × ${s.height} × ${s.width}`);
