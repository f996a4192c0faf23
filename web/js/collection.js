// Things of one kind that the page knows, such as all data sets. They are read when a page first wants them; after that
// events say what happened.

import {Refresher} from './refresh.js';

export class Collection {
  loaded = false;
  missing = new Set();  // keys that the daemon does not know
  error = null;         // the last failure to read, in words
  #items = new Map();   // key -> item
  #wanted = false;
  #changed;
  #from;
  #touched = new Set();  // keys that something was heard of since the list was last asked for
  #unread = new Set();   // keys that could not be read, and are to be read again
  #refresher = new Refresher({read: (key) => this.#readOne(key), readAll: () => this.read()});

  /** readAll() and readOne(key) are promises of what the daemon says; keyOf(item) is what it is read by. */
  constructor(changed, {readAll, readOne, keyOf}) {
    this.#changed = changed;
    this.#from = {readAll, readOne, keyOf};
  }

  values() {
    return [...this.#items.values()];
  }

  get(key) {
    return this.#items.get(key);
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
    try {
      const items = await this.#from.readAll();
      this.#items = new Map(items.map((item) => [this.#from.keyOf(item), item]));
      for (const key of this.#items.keys()) this.missing.delete(key);
      this.loaded = true;
      this.error = null;
      // What events told of meanwhile may be newer than the answer.
      touched.forEach((key) => this.ask(key));
    } catch (error) {
      this.error = error.message;
    }
    this.#changed();
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

  /** Something was heard of one. */
  touch(key) {
    this.#touched.add(key);
  }

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

  /** What could not be read is read again. */
  refreshActive() {
    if (this.#wanted && (this.error || !this.loaded)) this.read();
    for (const key of this.#unread) this.ask(key);
    this.#unread.clear();
  }
}
