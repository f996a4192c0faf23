// What the page knows: jobs, and for those that are looked at their series. Views read it and are told
// when it changes; only this file changes it.
//
// The newest jobs are read at the start, older ones when somebody asks for them. After that events say what happened;
// a job is read again only for what they leave out, such as its speed.

import * as api from './api.js';
import {chosen} from './describe.js';
import {Models} from './models.js';
import {Refresher} from './refresh.js';
import {Sets} from './sets.js';

const COLUMNS = ['step', 'epoch', 'loss', 'accuracy', 'learning_rate', 'seconds'];
const FIRST_PAGE = 100;
const NEXT_PAGE = 500;
const ACTIVE = 'running,stopping';
const ENDED = ['stopped', 'succeeded', 'failed'];

const emptyCurve = () => Object.fromEntries(COLUMNS.map((c) => [c, []]));
export const numberOf = (id) => Number(id.slice(id.lastIndexOf('_') + 1));
export const isEnded = (job) => ENDED.includes(job.status);
export const isActive = (job) => !isEnded(job);

export class State {
  jobs = new Map();      // id -> job
  series = new Map();    // id -> {curve, epochs}, once watch() was called
  histories = new Map(); // id -> its events without points, once watchEvents() was called
  selected = new Set();  // ids that the reader has chosen in the table of runs
  missing = new Set();   // ids that the daemon does not know
  loaded = false;        // the newest jobs have been read
  older = false;         // the daemon has older ones that have not been read
  reading = false;       // older ones are being read
  listVersion = 0;       // counts changes of which jobs there are, their states and names
  status = 'connecting';
  heardAt = null;        // when the daemon last gave a sign of life, in ms
  error = null;          // the last failure to read, in words
  mayWrite = true;       // the token allows more than reading
  #changed;
  #cursor = null;        // the id after which older jobs follow
  #failed = false;       // something could not be read, and is to be read again
  #touched = new Set();  // ids of jobs that events came for since the last resync began
  #happenings = new Map();  // id -> count of its events without points
  #refresher = new Refresher({read: (id) => this.#read(id), readAll: () => this.#readList().then(this.#changed, () => { this.#failed = true; })});

  constructor(changed) {
    this.#changed = changed;
    this.sets = new Sets(changed);
    this.models = new Models(changed);
  }

  /** The daemon answers, so that what is shown is so. */
  get isCurrent() {
    return this.status === 'live' || this.status === 'polling';
  }

  setStatus(status) {
    this.status = status;
    this.#changed();
  }

  setHeard(time) {
    this.heardAt = time;
  }

  /** A number that grows with whatever happens to a job, points left out. */
  happenings(id) {
    return this.#happenings.get(id) ?? 0;
  }

  /** Read the newest jobs, the active ones, and what is looked at anew; true if the daemon answered. */
  async resync() {
    try {
      await Promise.all([this.#readList(), this.#readAccess(), this.sets.read(), this.models.read()]);
      this.error = null;
      for (const id of this.#looked()) this.refresh(id);
      await Promise.all([...[...this.series.keys()].map((id) => this.#load(id)), ...[...this.histories.keys()].map((id) => this.#loadHistory(id))]);
    } catch (error) {
      this.error = error.message;
      this.#failed = true;
    }
    this.#changed();
    return this.error === null;
  }

  async #readAccess() {
    const {access} = await api.system().catch(() => ({}));
    if (access) this.mayWrite = access !== 'read';
  }

  #looked() {
    return new Set([...this.series.keys(), ...this.histories.keys(), ...this.selected]);
  }

  /** The newest jobs and the active ones; those that nobody looks at are forgotten until somebody asks. */
  async #readList() {
    const touched = this.#touched = new Set();
    const page = await api.listJobs({limit: FIRST_PAGE});
    const jobs = page.has_more ? [...page.data, ...(await api.listJobs({status: ACTIVE, limit: FIRST_PAGE})).data] : page.data;
    const known = new Map(jobs.map((j) => [j.id, j]));
    for (const id of this.#looked()) if (!known.has(id) && this.jobs.has(id)) known.set(id, this.jobs.get(id));
    this.jobs = known;
    this.older = page.has_more;
    this.#cursor = page.last_id;
    this.loaded = true;
    this.#listChanged();
    // What events told of meanwhile may be newer than the answer; of what is older than the list it says nothing.
    touched.forEach((id) => this.refresh(id));
    for (const id of this.series.keys()) if (!jobs.some((j) => j.id === id)) this.refresh(id);
  }

  /** The stream went on where it had stopped: only what events leave out is to be read. */
  resumed() {
    for (const [id, job] of this.jobs) if (isActive(job) || this.series.has(id)) this.refresh(id);
  }

  /** Nobody looks: nothing more is read. */
  pause() {
    this.#refresher.clear();
  }

  /** Read older jobs until `count` are known from the newest on, or all. */
  async loadOlder(count = Infinity) {
    if (this.reading || !this.loaded) return;
    this.reading = true;
    try {
      while (this.older && this.jobs.size < count) {
        const cursor = this.#cursor;
        const page = await api.listJobs({limit: NEXT_PAGE, after: cursor});
        if (cursor !== this.#cursor) continue;
        for (const job of page.data) {
          if (!this.jobs.has(job.id)) this.jobs.set(job.id, job);
          if (this.#touched.has(job.id)) this.refresh(job.id);
        }
        this.older = page.has_more;
        this.#cursor = page.last_id ?? cursor;
        this.#listChanged();
        this.#changed();
      }
      this.error = null;
    } catch (error) {
      this.error = error.message;
    }
    this.reading = false;
    this.#changed();
  }

  /** Have one job known, though it may not be among the newest. */
  want(id) {
    if (!this.jobs.has(id)) this.refresh(id);
  }

  /** Have the series of a job read and kept up to date. */
  watch(id) {
    this.want(id);
    if (!this.series.has(id)) this.#reload(id, 0);
  }

  /** Nobody looks at this job any more. */
  unwatch(id) {
    this.series.delete(id);
    this.histories.delete(id);
  }

  /** Have what happened to a job read and kept up to date. */
  watchEvents(id) {
    if (this.histories.has(id)) return;
    this.histories.set(id, []);
    this.#loadHistory(id).then(this.#changed, () => { this.#failed = true; });
  }

  async #loadHistory(id) {
    try {
      const events = (await api.events(id)).filter((e) => e.type !== 'point');
      const last = events.at(-1)?.id ?? 0;
      this.histories.set(id, [...events, ...(this.histories.get(id) ?? []).filter((e) => e.id > last)]);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.histories.delete(id);
    }
  }

  /** Forget a series and read it anew; answers to what was asked before belong to another generation. */
  #reload(id, generation) {
    this.series.set(id, {curve: emptyCurve(), epochs: [], ready: false, generation});
    this.#load(id).then(this.#changed, () => { this.#failed = true; });
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

  /** Have a job read again soon. */
  refresh(id) {
    this.#refresher.ask(id);
  }

  async #read(id) {
    const wasMissing = this.missing.has(id);
    try {
      const job = await api.getJob(id);
      // If it was deleted while the answer was under way, the answer is from before.
      if (wasMissing || !this.missing.has(id)) this.put(job);
    } catch (error) {
      if (error.status === 404) this.#forget(id);
      else this.#failed = true;
    }
  }

  /** Take a job as the daemon has just answered it. */
  put(job) {
    const old = this.jobs.get(job.id);
    this.jobs.set(job.id, job);
    this.missing.delete(job.id);
    if (!old || old.status !== job.status || old.name !== job.name) this.#listChanged();
    this.#changed();
  }

  #forget(id) {
    this.missing.add(id);
    this.jobs.delete(id);
    this.series.delete(id);
    this.histories.delete(id);
    this.selected.delete(id);
    this.#refresher.forget(id);
    this.#listChanged();
    this.#changed();
  }

  #listChanged() {
    this.listVersion++;
  }

  /** Speed, time left and warnings go on between two points, which may be a minute apart. */
  refreshActive() {
    if (this.#failed) {
      this.#failed = false;
      this.resync();
    }
    this.sets.refreshActive();
    this.models.refreshActive();
    for (const job of this.jobs.values()) {
      if (job.status === 'running' || job.status === 'stopping' || (job.status === 'queued' && this.series.has(job.id))) this.refresh(job.id);
    }
  }

  apply(event) {
    const {type, job_id: id, data} = event;
    if (type === 'dataset') return this.sets.apply(event);
    if (type === 'model') return this.models.apply(event);
    if (id === null) return this.#changed();  // of evaluations: whoever shows one reads it
    this.#touched.add(id);
    if (type === 'point') this.#point(id, data);
    else this.#happened(event);
    if (type === 'epoch') this.#epoch(id, data);
    else if (type === 'resumed') this.#rewind(id);
    else if (type === 'status') this.#moved(id, data);
    if (type === 'deleted') this.#forget(id);
    else if (type === 'created' || this.jobs.has(id)) this.refresh(id);
    this.#changed();
  }

  #happened(event) {
    this.#happenings.set(event.job_id, this.happenings(event.job_id) + 1);
    const history = this.histories.get(event.job_id);
    if (history && event.id > (history.at(-1)?.id ?? 0)) this.histories.set(event.job_id, [...history, event]);
  }

  #moved(id, data) {
    const job = this.jobs.get(id);
    if (!job) return;
    if (job.status === 'queued' && data.status !== 'queued') this.#moveUp(job.queue_position);
    Object.assign(job, {status: data.status, stop_reason: data.stop_reason ?? null, error: data.error ?? null});
    if (data.status !== 'queued') job.queue_position = null;
    if (isEnded(job)) job.estimated_finish_at = null;
    this.#listChanged();
  }

  /** One has left the queue at this place: those behind it wait for one less. */
  #moveUp(place) {
    for (const job of this.jobs.values()) if (place && job.status === 'queued' && job.queue_position > place) job.queue_position--;
  }

  #point(id, point) {
    const curve = this.series.get(id)?.curve;
    // A point may come twice: by the stream, and by the read that happened meanwhile.
    if (curve && point.step > (curve.step.at(-1) ?? 0))
      for (const column of COLUMNS) curve[column].push(point[column] ?? null);
    const job = this.jobs.get(id);
    if (!job || point.step < job.progress.step) return;
    job.progress = {...job.progress, step: point.step, epoch_position: point.epoch};
    job.latest = {...job.latest, step: point.step, loss: point.loss, accuracy: point.accuracy};
  }

  #epoch(id, epoch) {
    const epochs = this.series.get(id)?.epochs;
    if (epochs && epoch.epoch > (epochs.at(-1)?.epoch ?? 0)) epochs.push(epoch);
    const job = this.jobs.get(id);
    if (job && chosen(epoch) > (chosen(job.best) ?? -1))
      job.best = {epoch: epoch.epoch, validation_accuracy: epoch.validation_accuracy, test_accuracy: epoch.test_accuracy, checkpoint: null};
  }

  /** Training goes on from an earlier step: what came behind it was taken back and will come again. */
  #rewind(id) {
    if (this.series.has(id)) this.#reload(id, this.series.get(id).generation + 1);
  }
}
