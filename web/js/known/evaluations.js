// The evaluations that are looked at: those of a model, the newest first, and single ones.

import * as api from '../api.js';
import {Collection} from './collection.js';
import {numberOf} from './job.js';

const PAGE = 50;
const SINGLES = 30;  // as many are read one by one; the Refresher reads the list instead, which lacks them, where more wait

export class Evaluations extends Collection {
  older = false;          // the daemon has older ones of the model that have not been read
  #model = null;          // its name
  #modelId = null;        // its id, once it is known
  #count = PAGE;          // as many of the model are read
  #singles = new Set();   // ids of others that are looked at

  constructor(changed) {
    super(changed, {readAll: () => this.#readNewest(), readOne: api.evaluation, keyOf: (evaluation) => evaluation.id});
  }

  async #readNewest() {
    const data = [], model = this.#model;
    for (let after = null; model !== null;) {
      const page = await api.evaluations({model, after, limit: Math.min(1000, this.#count - data.length)});
      data.push(...page.data);
      if (!page.has_more || data.length >= this.#count) return {data, older: page.has_more};
      after = page.last_id;
    }
    return {data, older: false};
  }

  /** Of single ones the list says nothing: they are read again. */
  take({data, older}) {
    const listed = new Set(data.map((evaluation) => evaluation.id));
    const kept = [...this.#singles].filter((id) => !listed.has(id) && this.has(id));
    super.take([...data, ...kept.map((id) => this.get(id))]);
    this.older = older;
    for (const id of kept) this.ask(id);
  }

  /** Have those of a model known, or, with null, single ones alone. What was looked at before is forgotten. */
  watch(model) {
    this.pause();
    this.#model = model;
    this.#modelId = null;
    this.#count = PAGE;
    this.#singles.clear();
    this.missing.clear();
    this.loaded = false;
    this.take({data: [], older: false});
    if (this.isWanted) this.read();
    else this.want();
  }

  /** Have those known that the figures of the model's newest versions come from: the list lacks those of a training. */
  wantFigures({id: modelId, versions}) {
    // A model that was deleted and made again under its name has other evaluations.
    if (this.#modelId !== null && this.#modelId !== modelId) this.watch(this.#model);
    this.#modelId = modelId;
    const ids = versions.map(({evaluation}) => evaluation?.id).filter(Boolean);
    this.#singles = new Set([...new Set(ids)].slice(0, SINGLES));
    for (const id of this.#singles) this.wantOne(id);
  }

  wantOne(id) {
    this.#singles.add(id);
    super.wantOne(id);
  }

  /** What was asked for while another model was looked at is left. */
  put(evaluation) {
    const {id, model} = evaluation;
    if (this.has(id) || this.#singles.has(id) || (model !== null && model.name === this.#model)) super.put(evaluation);
  }

  readOlder() {
    this.#count += PAGE * 4;
    return this.read();
  }

  get all() {
    return this.values().sort((a, b) => numberOf(b.id) - numberOf(a.id));
  }

  apply({data: {evaluation_id: id, name, metadata, model, status, previous, progress}}) {
    const known = this.get(id);
    if (!this.isWanted || !(known || this.#singles.has(id) || (model !== null && model === this.#model))) return;
    this.touch(id);
    if (status === 'deleted') return this.forget(id);
    // Where its status stays, the event says all that is new; older daemons left metadata out.
    if (known && metadata && status === previous) this.put({...known, name, metadata, progress: progress.total ? progress : known.progress});
    else this.ask(id);
  }
}
