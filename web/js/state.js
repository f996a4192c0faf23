// What the page knows: jobs, and for those that are looked at their series. Views read it and are told
// when it changes; only this file changes it.

import * as api from './api.js';

const COLUMNS = ['step', 'epoch', 'loss', 'accuracy', 'learning_rate', 'seconds'];
const emptyCurve = () => Object.fromEntries(COLUMNS.map((c) => [c, []]));

export class State {
  jobs = new Map();      // id -> job
  series = new Map();    // id -> {curve, epochs}, once watch() was called
  loaded = false;        // the list of jobs has been read
  status = 'connecting';
  error = null;          // the last failure to read, in words
  #changed;
  #touched = new Set();  // ids of jobs that events came for since the last resync began
  #refetch = new Map();  // id, while it is being read -> whether to read it again

  constructor(changed) {
    this.#changed = changed;
  }

  setStatus(status) {
    this.status = status;
    this.#changed();
  }

  /** Read everything anew. */
  async resync() {
    const touched = this.#touched = new Set();
    try {
      const jobs = await api.jobs();
      this.jobs = new Map(jobs.map((j) => [j.id, j]));
      this.loaded = true;
      this.error = null;
      // What events told of meanwhile may be newer than the answer.
      touched.forEach((id) => this.refresh(id));
      await Promise.all([...this.series.keys()].map((id) => this.#load(id)));
    } catch (error) {
      this.error = error.message;
      if (error.status === 401) this.status = 'unauthorized';
    }
    this.#changed();
  }

  /** Have the series of a job read and kept up to date. */
  watch(id) {
    if (this.series.has(id)) return;
    this.#reload(id, 0);
  }

  /** Forget a series and read it anew; answers to what was asked before belong to another generation. */
  #reload(id, generation) {
    this.series.set(id, {curve: emptyCurve(), epochs: [], ready: false, generation});
    this.#load(id).then(this.#changed, () => {});
  }

  async #load(id) {
    const {generation} = this.series.get(id);
    let curve, epochs;
    try {
      [curve, epochs] = await Promise.all([api.curve(id), api.epochs(id)]);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.series.delete(id);
      return;
    }
    // What the stream brought while the answer was under way is newer than the answer.
    const old = this.series.get(id);
    if (old?.generation !== generation) return;
    this.series.set(id, {curve, epochs, ready: true, generation});
    old.curve.step.forEach((step, i) => {
      if (step > (curve.step.at(-1) ?? 0)) for (const column of COLUMNS) curve[column].push(old.curve[column][i]);
    });
    for (const epoch of old.epochs) this.#epoch(id, epoch);
  }

  /** Read one job; if it is being read already, once more afterwards, since it may have changed meanwhile. */
  async refresh(id) {
    if (this.#refetch.has(id)) {
      this.#refetch.set(id, true);
      return;
    }
    do {
      this.#refetch.set(id, false);
      try {
        this.jobs.set(id, await api.getJob(id));
      } catch (error) {
        if (error.status === 404) this.jobs.delete(id);
      }
    } while (this.#refetch.get(id));
    this.#refetch.delete(id);
    this.#changed();
  }

  /** Speed and time left of what runs go on between two points, which may be a minute apart. */
  refreshActive() {
    for (const job of this.jobs.values()) if (job.status === 'running' || job.status === 'stopping') this.refresh(job.id);
  }

  apply({type, job_id: id, data}) {
    this.#touched.add(id);
    if (type === 'point') this.#point(id, data);
    else if (type === 'epoch') this.#epoch(id, data);
    else if (type === 'resumed') this.#rewind(id);
    if (type === 'deleted') {
      this.jobs.delete(id);
      this.series.delete(id);
    } else if (type !== 'point') {
      this.refresh(id);
    }
    this.#changed();
  }

  #point(id, point) {
    const curve = this.series.get(id)?.curve;
    // A point may come twice: by the stream, and by the read that happened meanwhile.
    if (curve && point.step > (curve.step.at(-1) ?? 0))
      for (const column of COLUMNS) curve[column].push(point[column] ?? null);
    const job = this.jobs.get(id);
    if (!job) return;
    job.progress = {...job.progress, step: point.step, epoch_position: point.epoch};
    job.latest = {...job.latest, step: point.step, loss: point.loss, accuracy: point.accuracy};
    // Speed and time left come with the job itself; five times an epoch is seldom enough to ask.
    this.refresh(id);
  }

  #epoch(id, epoch) {
    const epochs = this.series.get(id)?.epochs;
    if (epochs && epoch.epoch > (epochs.at(-1)?.epoch ?? 0)) epochs.push(epoch);
  }

  /** Training goes on from an earlier step: what came behind it was taken back and will come again. */
  #rewind(id) {
    if (this.series.has(id)) this.#reload(id, this.series.get(id).generation + 1);
  }
}
