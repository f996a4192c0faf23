// The data sets that the page knows.

import * as api from '../api.js';
import {Collection} from './collection.js';

export const isOwn = (set) => set.id.startsWith('set_');
const numberOf = (set) => (isOwn(set) ? Number(set.id.slice(4)) : -1);

export class Sets extends Collection {
  constructor(changed) {
    super(changed, {readAll: api.datasets, readOne: api.getDataset, keyOf: (set) => set.id});
  }

  /** Those that people brought, the newest first, then the known ones. */
  get all() {
    return this.values().sort((a, b) => numberOf(b) - numberOf(a));
  }

  /** Imports go on between two events. */
  refreshActive() {
    super.refreshActive();
    for (const set of this.values()) if (set.status === 'importing') this.ask(set.id);
  }

  apply({data: {dataset_id: id, name, metadata, status, previous, progress}}) {
    if (!this.isWanted) return;
    this.touch(id);
    const set = this.get(id);
    if (status === 'deleted') this.forget(id);
    else if (set && metadata && status === previous && name === set.name) this.put({...set, metadata, progress: progress.total ? progress : set.progress});
    else this.ask(id);
  }
}
