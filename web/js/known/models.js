// The trained models that the page knows, each with its versions and aliases.

import * as api from '../api.js';
import {Collection} from './collection.js';
import {numberOf} from './job.js';

export class Models extends Collection {
  constructor(changed) {
    super(changed, {readAll: api.models, readOne: api.getModel, keyOf: (model) => model.name});
  }

  /** The newest first. */
  get all() {
    return this.values().sort((a, b) => numberOf(b.id) - numberOf(a.id));
  }

  /** The versions that were checkpoints of a job, as [{model, version}]. */
  ofJob(id) {
    return this.all.flatMap((model) => model.versions.filter((v) => v.source.job === id).map((version) => ({model, version})));
  }

  apply({data: {name, action}}) {
    if (!this.isWanted) return;
    this.touch(name);
    if (action === 'deleted') this.forget(name);
    // Another may have the name by the time this is asked.
    this.ask(name);
  }
}
