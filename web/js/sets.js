// The data sets that the page knows. They are read when a page first wants them; after that events say what happened.

import * as api from './api.js';
import {Refresher} from './refresh.js';

export const isOwn = (set) => set.id.startsWith('set_');
const numberOf = (set) => (isOwn(set) ? Number(set.id.slice(4)) : -1);

export class Sets {
  loaded = false;
  missing = new Set();  // ids that the daemon does not know
  error = null;         // the last failure to read, in words
  #sets = new Map();    // id -> set
  #wanted = false;
  #changed;
  #touched = new Set();  // ids that something was heard of since the list was last asked for
  #refresher = new Refresher({read: (id) => this.#read(id), readAll: () => this.read()});

  constructor(changed) {
    this.#changed = changed;
  }

  /** Those that people brought, the newest first, then the known ones. */
  get all() {
    return [...this.#sets.values()].sort((a, b) => numberOf(b) - numberOf(a));
  }

  get(id) {
    return this.#sets.get(id);
  }

  /** Have the sets read, and kept up to date from now on. */
  want() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.read();
  }

  async read() {
    if (!this.#wanted) return;
    const touched = this.#touched = new Set();
    try {
      const sets = await api.datasets();
      this.#sets = new Map(sets.map((s) => [s.id, s]));
      sets.forEach((s) => this.missing.delete(s.id));
      this.loaded = true;
      this.error = null;
      // What events told of meanwhile may be newer than the answer.
      touched.forEach((id) => this.#refresher.ask(id));
    } catch (error) {
      this.error = error.message;
    }
    this.#changed();
  }

  async #read(id) {
    try {
      this.put(await api.getDataset(id));
    } catch (error) {
      if (error.status === 404) this.#forget(id);
    }
  }

  /** Have one known, though it may be new. */
  wantOne(id) {
    this.want();
    if (this.loaded && !this.#sets.has(id) && !this.missing.has(id)) this.#refresher.ask(id);
  }

  put(set) {
    this.#sets.set(set.id, set);
    this.missing.delete(set.id);
    this.#changed();
  }

  #forget(id) {
    this.#sets.delete(id);
    this.missing.add(id);
    this.#refresher.forget(id);
    this.#changed();
  }

  /** Imports go on between two events, and what could not be read is read again. */
  refreshActive() {
    if (!this.#wanted) return;
    if (this.error || !this.loaded) this.read();
    for (const set of this.#sets.values()) if (set.status === 'importing') this.#refresher.ask(set.id);
  }

  apply({data: {dataset_id: id, status, previous, progress}}) {
    if (!this.#wanted) return;
    this.#touched.add(id);
    const set = this.#sets.get(id);
    if (status === 'deleted') this.#forget(id);
    else if (set && status === previous) this.put({...set, progress});
    else this.#refresher.ask(id);
  }
}
