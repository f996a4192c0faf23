// What is to be read again. Events come in floods; each thing is read at most once in a while, a few at a time.

import {pause} from '../pause.js';

const GAP_MS = 1000;     // between two reads of one
const PARALLEL = 4;
const TOO_MANY = 40;     // that wait: reading the list costs less than reading them one by one

export class Refresher {
  #due = new Map();      // id -> when it may be read
  #readAt = new Map();   // id -> when it was read last
  #busy = 0;
  #reading = false;      // the list
  #timer = null;

  /** read(id) and readAll() are promises that do not fail. */
  constructor({read, readAll}) {
    this.read = read;
    this.readAll = readAll;
  }

  /** Have one read again: at once, or when its last read is a while ago. */
  ask(id) {
    if (!this.#due.has(id)) this.#due.set(id, (this.#readAt.get(id) ?? -Infinity) + GAP_MS);
    this.#schedule();
  }

  #schedule() {
    if (this.#timer !== null || this.#reading || this.#busy >= PARALLEL || this.#due.size === 0) return;
    const wait = Math.max(0, Math.min(...this.#due.values()) - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#run();
    }, wait);
  }

  async #run() {
    if (this.#due.size > TOO_MANY) {
      this.#due.clear();
      this.#reading = true;
      await this.readAll();
      await pause(GAP_MS);
      this.#reading = false;
    } else {
      for (const [id, at] of this.#due) if (this.#busy < PARALLEL && at <= performance.now()) this.#one(id);
    }
    this.#schedule();
  }

  async #one(id) {
    this.#due.delete(id);
    this.#readAt.set(id, performance.now());
    this.#busy++;
    await this.read(id);
    this.#busy--;
    this.#schedule();
  }

  clear() {
    this.#due.clear();
  }

  forget(id) {
    this.#due.delete(id);
    this.#readAt.delete(id);
  }
}
