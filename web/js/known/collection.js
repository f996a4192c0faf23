// Things of one kind that the page knows, such as all jobs or all data sets. They are read when a page first wants
// them; after that events say what happened.

import {Refresher} from './refresh.js';

export class Collection {
  loaded = false;
  missing = new Set();  // keys that the daemon does not know
  error = null;         // the last failure to read, in words
  #items = new Map();   // key -> item
  #wanted;
  #changed;
  #from;
  #touched = new Set();  // keys that something was heard of since the list was last asked for
  #reads = 0;            // reads of the list that have no answer yet
  #unread = new Set();   // keys that could not be read, and are to be read again
  #refresher = new Refresher({read: (key) => this.#readOne(key), readAll: () => this.read()});

  /**
   * readAll() and readOne(key) are promises of what the daemon says; keyOf(item) is what it is read by.
   * `wanted`: they are wanted from the start.
   */
  constructor(changed, {readAll, readOne, keyOf, wanted = false}) {
    this.#changed = changed;
    this.#wanted = wanted;
    this.#from = {readAll, readOne, keyOf};
  }

  values() {
    return [...this.#items.values()];
  }

  get(key) {
    return this.#items.get(key);
  }

  has(key) {
    return this.#items.has(key);
  }

  get size() {
    return this.#items.size;
  }

  get isWanted() {
    return this.#wanted;
  }

  /** Have all of them read, and kept up to date from now on. */
  want() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.read();
  }

  async read() {
    if (!this.#wanted) return;
    const touched = this.#touched = new Set();
    this.#reads++;
    try {
      const items = await this.#from.readAll();
      if (touched !== this.#touched) return;  // one that was begun later says more
      this.take(items);
      this.loaded = true;
      this.error = null;
      // What events told of meanwhile may be newer than the answer.
      touched.forEach((key) => this.ask(key));
    } catch (error) {
      if (touched === this.#touched) this.error = error.message;
    } finally {
      this.#reads--;
    }
    this.#changed();
  }

  /** What readAll() has answered: these and no others. */
  take(items) {
    this.#items = new Map(items.map((item) => [this.#from.keyOf(item), item]));
    for (const key of this.#items.keys()) this.missing.delete(key);
  }

  /** More of a list that comes in parts; those that are known already are newer. */
  add(items) {
    for (const item of items) {
      const key = this.#from.keyOf(item);
      if (!this.#items.has(key)) this.#items.set(key, item);
      if (this.#touched.has(key)) this.ask(key);
    }
  }

  async #readOne(key) {
    const wasMissing = this.missing.has(key);
    try {
      const item = await this.#from.readOne(key);
      // If it was deleted while the answer was under way, the answer is from before.
      if (wasMissing || !this.missing.has(key)) this.put(item);
    } catch (error) {
      if (error.status === 404) this.forget(key);
      else this.#unread.add(key);
    }
  }

  /** Have one known, though it may be new. */
  wantOne(key) {
    this.want();
    if (this.loaded && !this.#items.has(key) && !this.missing.has(key)) this.ask(key);
  }

  /** Have one read again soon. */
  ask(key) {
    this.#refresher.ask(key);
  }

  /** Nobody looks: what waits to be read again is left. */
  pause() {
    this.#refresher.clear();
  }

  /** Something was heard of one. */
  touch(key) {
    this.#touched.add(key);
  }

  /** Take one as the daemon has just answered it. */
  put(item) {
    const key = this.#from.keyOf(item);
    this.#items.set(key, item);
    this.missing.delete(key);
    this.#changed();
  }

  forget(key) {
    this.#items.delete(key);
    this.missing.add(key);
    this.#refresher.forget(key);
    this.#changed();
  }

  /** What could not be read is read again, unless that is under way: on a slow line reads would pile up. */
  refreshActive() {
    if (this.#wanted && !this.#reads && (this.error || !this.loaded)) this.read();
    for (const key of this.#unread) this.ask(key);
    this.#unread.clear();
  }
}
