// The curves, epochs and events of the jobs that are looked at. They are read when somebody begins to look; after that
// events add to them.

import * as api from '../api.js';

const COLUMNS = ['step', 'epoch', 'loss', 'accuracy', 'learning_rate', 'seconds'];

const emptyCurve = () => Object.fromEntries(COLUMNS.map((c) => [c, []]));

export class Series {
  error = null;             // the last failure to read all, in words
  #curves = new Map();      // id -> {curve, epochs, ready, generation}, once watch() was called
  #histories = new Map();   // id -> its events without points, once watchEvents() was called
  #happenings = new Map();  // id -> count of its events without points
  #failed = false;          // something could not be read, and is to be read again
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  /** The ids of the jobs that are looked at. */
  get ids() {
    return new Set([...this.#curves.keys(), ...this.#histories.keys()]);
  }

  has(id) {
    return this.#curves.has(id);
  }

  /** {curve, epochs, ready} of a job that is watched; `ready` once they have been read. */
  get(id) {
    return this.#curves.get(id);
  }

  /** The events of a job, points left out, as far as they were read. */
  history(id) {
    return this.#histories.get(id) ?? [];
  }

  /** A number that grows with whatever happens to a job, points left out. */
  happenings(id) {
    return this.#happenings.get(id) ?? 0;
  }

  /** Have the curve and the epochs of a job read and kept up to date. */
  watch(id) {
    if (!this.#curves.has(id)) this.#reload(id, 0);
  }

  /** Have what happened to a job read and kept up to date. */
  watchEvents(id) {
    if (this.#histories.has(id)) return;
    this.#histories.set(id, []);
    this.#loadHistory(id).then(this.#changed, () => { this.#failed = true; });
  }

  /** Nobody looks at this job any more. */
  unwatch(id) {
    this.#curves.delete(id);
    this.#histories.delete(id);
  }

  /** Read all that is watched anew. */
  async read() {
    try {
      await Promise.all([...[...this.#curves.keys()].map((id) => this.#load(id)), ...[...this.#histories.keys()].map((id) => this.#loadHistory(id))]);
      this.error = null;
    } catch (error) {
      this.error = error.message;
      this.#failed = true;
    }
    this.#changed();
  }

  /** What could not be read is read again. */
  refreshActive() {
    if (!this.#failed) return;
    this.#failed = false;
    this.read();
  }

  /** Forget a series and read it anew; answers to what was asked before belong to another generation. */
  #reload(id, generation) {
    this.#curves.set(id, {curve: emptyCurve(), epochs: [], ready: false, generation});
    this.#load(id).then(this.#changed, () => { this.#failed = true; });
  }

  async #load(id) {
    const {generation, curve: {step}, epochs: passed} = this.#curves.get(id);
    const known = {step: step.at(-1) ?? 0, epoch: passed.at(-1)?.epoch ?? 0};
    let curve, epochs;
    try {
      [curve, epochs] = await Promise.all([api.curve(id), api.epochs(id)]);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#curves.delete(id);
      return;
    }
    const old = this.#curves.get(id);
    if (old?.generation !== generation) return;
    // Points and epochs are stored before they are told: what was known and is no longer there was taken back unheard.
    if (known.step > (curve.step.at(-1) ?? 0) || known.epoch > (epochs.at(-1)?.epoch ?? 0)) return this.#reload(id, generation + 1);
    // What the stream brought while the answer was under way is newer than the answer.
    this.#curves.set(id, {curve, epochs, ready: true, generation});
    old.curve.step.forEach((step, i) => {
      if (step > (curve.step.at(-1) ?? 0)) for (const column of COLUMNS) curve[column].push(old.curve[column][i]);
    });
    for (const epoch of old.epochs) this.#epoch(id, epoch);
  }

  async #loadHistory(id) {
    try {
      const events = (await api.events(id)).filter((e) => e.type !== 'point');
      if (!this.#histories.has(id)) return;  // nobody looks any more
      const last = events.at(-1)?.id ?? 0;
      this.#histories.set(id, [...events, ...this.history(id).filter((e) => e.id > last)]);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#histories.delete(id);
    }
  }

  apply(event) {
    const {type, job_id: id, data} = event;
    if (type === 'point') this.#point(id, data);
    else this.#happened(event);
    if (type === 'epoch') this.#epoch(id, data);
    else if (type === 'resumed') this.#rewind(id);
  }

  #happened(event) {
    const {job_id: id} = event, history = this.history(id);
    this.#happenings.set(id, this.happenings(id) + 1);
    if (this.#histories.has(id) && event.id > (history.at(-1)?.id ?? 0)) this.#histories.set(id, [...history, event]);
  }

  #point(id, point) {
    const curve = this.get(id)?.curve;
    // A point may come twice: by the stream, and by the read that happened meanwhile.
    if (curve && point.step > (curve.step.at(-1) ?? 0)) for (const column of COLUMNS) curve[column].push(point[column] ?? null);
  }

  #epoch(id, epoch) {
    const epochs = this.get(id)?.epochs;
    if (epochs && epoch.epoch > (epochs.at(-1)?.epoch ?? 0)) epochs.push(epoch);
  }

  /** Training goes on from an earlier step: what came behind it was taken back and will come again. */
  #rewind(id) {
    if (this.has(id)) this.#reload(id, this.get(id).generation + 1);
  }
}
