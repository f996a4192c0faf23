// The daemon's clock. That of the browser may be off by hours; the Date of each answer tells the daemon's, to the second.

const SECOND = 1000;
let ahead = null;  // of performance.now(), in ms: {least, most}, between which it lies by all that was heard

/** An answer with this Date was made between two times of performance.now(). */
export function setClock(date, sent, received) {
  const at = Date.parse(date ?? '');
  if (Number.isNaN(at)) return;
  const heard = {least: at - received, most: at + SECOND - sent};
  const both = {least: Math.max(heard.least, ahead?.least ?? -Infinity), most: Math.min(heard.most, ahead?.most ?? Infinity)};
  // One of the clocks was set, or the machine slept: what was heard before says nothing any more.
  ahead = both.least <= both.most ? both : heard;
}

/** What the daemon's clock shows, in ms since 1970; the browser's before the daemon has said something. */
export const now = () => (ahead ? performance.now() + (ahead.least + ahead.most) / 2 : Date.now());
