// What the page knows of the daemon: its jobs and what is read of those that are looked at, its data sets and models,
// and whether it answers. Views read it and are told when it changes.

import * as api from '../api.js';
import {Evaluations} from './evaluations.js';
import {Jobs} from './jobs.js';
import {Models} from './models.js';
import {Series} from './series.js';
import {Sets} from './sets.js';

export class State {
  status = 'connecting';
  heardAt = null;        // when the daemon last gave a sign of life, in ms
  mayWrite = true;       // the token allows more than reading
  version = null;        // of the daemon
  firstVersion = null;   // of the daemon that this page came from
  #changed;
  #systemKnown = false;  // the daemon has said its version and what the token allows
  #systemReads = 0;      // questions for that which have no answer yet

  constructor(changed) {
    this.#changed = changed;
    this.series = new Series(changed);
    this.jobs = new Jobs(changed, this.series);
    this.sets = new Sets(changed);
    this.models = new Models(changed);
    this.evaluations = new Evaluations(changed);
  }

  /** The daemon answers, so that what is shown is so. */
  get isCurrent() {
    return this.status === 'live' || this.status === 'polling';
  }

  /** The last failure to read jobs, in words. */
  get error() {
    return this.jobs.error ?? this.series.error;
  }

  setStatus(status) {
    this.status = status;
    this.#changed();
  }

  setHeard(time) {
    this.heardAt = time;
  }

  /** Read all that is wanted anew; true if the daemon answered. */
  async resync() {
    await Promise.all([this.jobs.resync(), this.series.read(), this.#readSystem(), this.sets.read(), this.models.read(), this.evaluations.read()]);
    this.#changed();
    return this.error === null;
  }

  async #readSystem() {
    this.#systemReads++;
    const system = await api.system().catch(() => null);
    this.#systemReads--;
    this.#systemKnown = system !== null;
    if (system?.access) this.mayWrite = system.access !== 'read';
    this.version = system?.version ?? this.version;
    this.firstVersion ??= this.version;
  }

  /** The stream went on where it had stopped, perhaps with another daemon on the same data. */
  resumed() {
    this.jobs.resumed();
    this.#readSystem();
  }

  /** Nobody looks: nothing more is read. */
  pause() {
    for (const known of [this.jobs, this.sets, this.models, this.evaluations]) known.pause();
  }

  /** Have a job, its curve and its epochs read and kept up to date. */
  watch(id) {
    this.jobs.wantOne(id);
    this.series.watch(id);
  }

  /** What goes on between two events is read again, and what could not be read. */
  refreshActive() {
    if (!this.#systemKnown && !this.#systemReads) this.#readSystem();
    for (const known of [this.jobs, this.series, this.sets, this.models, this.evaluations]) known.refreshActive();
  }

  apply(event) {
    if (event.type === 'dataset') return this.sets.apply(event);
    if (event.type === 'model') return this.models.apply(event);
    if (event.type === 'evaluation') this.evaluations.apply(event);
    // Without a job it is of evaluations.
    if (event.job_id !== null) for (const known of [this.series, this.jobs]) known.apply(event);
    this.#changed();
  }
}
