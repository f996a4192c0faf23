// The jobs that the page knows. The newest and the active ones are read at the start, older ones when somebody asks
// for them. A job is read again only for what events leave out, such as its speed.

import * as api from '../api.js';
import {Collection} from './collection.js';
import {chosen} from '../describe.js';
import {isActive, isEnded} from './job.js';

const FIRST_PAGE = 100;
const NEXT_PAGE = 500;
const ACTIVE = 'running,stopping';

/** The newest jobs, the active ones among the older, and where the list goes on. */
async function readNewest() {
  const page = await api.listJobs({limit: FIRST_PAGE});
  const active = page.has_more ? (await api.listJobs({status: ACTIVE, limit: FIRST_PAGE})).data : [];
  return {page, jobs: [...page.data, ...active]};
}

export class Jobs extends Collection {
  selected = new Set();  // ids that the reader has chosen in the table of runs
  older = false;         // the daemon has older ones that have not been read
  reading = false;       // older ones are being read
  listVersion = 0;       // counts changes of which jobs there are, their states and names
  #changed;
  #series;
  #cursor = null;        // the id after which older jobs follow

  /** `series` tells which jobs are looked at, and forgets those that are deleted. */
  constructor(changed, series) {
    super(changed, {readAll: readNewest, readOne: api.getJob, keyOf: (job) => job.id, wanted: true});
    this.#changed = changed;
    this.#series = series;
  }

  /** Read the newest ones, and all that is looked at. */
  async resync() {
    await this.read();
    if (!this.error) for (const id of this.#looked()) this.ask(id);
  }

  #looked() {
    return new Set([...this.#series.ids, ...this.selected]);
  }

  /** Of what is older than the list it says nothing: what is looked at stays, the rest is forgotten until somebody asks. */
  take({page, jobs}) {
    const listed = new Set(jobs.map((job) => job.id));
    const kept = [...this.#looked()].filter((id) => !listed.has(id)).map((id) => this.get(id)).filter(Boolean);
    super.take([...jobs, ...kept]);
    this.older = page.has_more;
    this.#cursor = page.last_id;
    this.listVersion++;
    for (const id of this.#series.ids) if (!listed.has(id)) this.ask(id);
  }

  /** Read older jobs until `count` are known from the newest on, or all. */
  async loadOlder(count = Infinity) {
    if (this.reading || !this.loaded) return;
    this.reading = true;
    try {
      while (this.older && this.size < count) {
        const cursor = this.#cursor;
        const page = await api.listJobs({limit: NEXT_PAGE, after: cursor});
        if (cursor !== this.#cursor) continue;
        this.add(page.data);
        this.older = page.has_more;
        this.#cursor = page.last_id ?? cursor;
        this.listVersion++;
        this.#changed();
      }
      this.error = null;
    } catch (error) {
      this.error = error.message;
    }
    this.reading = false;
    this.#changed();
  }

  /** Have one known, though it may not be among the newest; a new one may have the id of one that was deleted. */
  wantOne(id) {
    if (!this.has(id)) this.ask(id);
  }

  put(job) {
    const old = this.get(job.id);
    if (!old || old.status !== job.status || old.name !== job.name) this.listVersion++;
    super.put(job);
  }

  forget(id) {
    this.#series.unwatch(id);
    this.selected.delete(id);
    this.listVersion++;
    super.forget(id);
  }

  /** The stream went on where it had stopped: only what events leave out is to be read. */
  resumed() {
    for (const job of this.values()) if (isActive(job) || this.#series.has(job.id)) this.ask(job.id);
  }

  /** Speed, time left and warnings go on between two points, which may be a minute apart. */
  refreshActive() {
    super.refreshActive();
    for (const {id, status} of this.values()) {
      if (status === 'running' || status === 'stopping' || (status === 'queued' && this.#series.has(id))) this.ask(id);
    }
  }

  apply({type, job_id: id, data}) {
    this.touch(id);
    if (type === 'deleted') return this.forget(id);
    const job = this.get(id);
    if (job && type === 'point') this.#point(job, data);
    else if (job && type === 'epoch') this.#epoch(job, data);
    else if (job && type === 'status') this.#moved(job, data);
    if (job || type === 'created') this.ask(id);
  }

  #point(job, point) {
    if (point.step < job.progress.step) return;
    job.progress = {...job.progress, step: point.step, epoch_position: point.epoch};
    job.latest = {...job.latest, step: point.step, loss: point.loss, accuracy: point.accuracy};
  }

  #epoch(job, epoch) {
    if (chosen(epoch) > (chosen(job.best) ?? -1))
      job.best = {epoch: epoch.epoch, validation_accuracy: epoch.validation_accuracy, test_accuracy: epoch.test_accuracy, checkpoint: null};
  }

  #moved(job, {status, stop_reason, error}) {
    if (job.status === 'queued' && status !== 'queued') this.#moveUp(job.queue_position);
    Object.assign(job, {status, stop_reason: stop_reason ?? null, error: error ?? null});
    if (status !== 'queued') job.queue_position = null;
    if (isEnded(job)) job.estimated_finish_at = null;
    this.listVersion++;
  }

  /** One has left the queue at this place: those behind it wait for one less. */
  #moveUp(place) {
    for (const job of this.values()) if (place && job.status === 'queued' && job.queue_position > place) job.queue_position--;
  }
}
