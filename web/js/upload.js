// Sending a file that may be large over a line that may break, by the tus protocol 1.0: in parts, each begun where the
// daemon says that it has come to. After a break it is tried again, ever more slowly, until somebody ends it; a file
// that was begun before, by this page or another, goes on where it stood.

import * as api from './api.js';
import {pause} from './pause.js';

const PART = 16e6;  // bytes; a proxy may limit what it takes at once
const RETRY_MS = [500, 1000, 2000, 5000, 10000];
const REMOVALS = 30;  // tries, a second each, as a slow line goes on bringing what it holds; what is left then, the daemon removes when it is old
const SILENCE_MS = 30000;  // without a byte that moves, after which the connection is given up

/** What trying again may mend: no answer, a daemon that is busy or restarts, an offset that another has moved. */
const mayPass = ({status}) => !status || (status >= 500 && status !== 507) || [401, 408, 409, 412, 423, 425, 429].includes(status);

export class Upload {
  id = null;         // the daemon's
  sent = 0;          // bytes that have come there, or are on the way; after a break the daemon is asked
  status = 'sending';  // sending, waiting (for the connection), paused, ended
  error = null;      // why it waits, in words
  #changed;
  #abort = null;     // ends what is under way
  #wake = null;      // ends a pause between two tries
  #online = () => this.#wake?.();

  constructor(file, changed) {
    this.file = file;
    this.#changed = changed;
    addEventListener('online', this.#online);
  }

  #set(status, error = null) {
    if (this.status !== 'ended') this.status = status;
    this.error = error;
    this.#changed();
  }

  /** Have an upload at the daemon: one of this very file that was left half done, or a new one. */
  async begin() {
    const {name, size, lastModified} = this.file;
    for (const {id, status, filename, length} of await api.uploads()) {
      if (status !== 'receiving' || filename !== name || length !== size) continue;
      const known = await api.askUpload(id).catch(() => null);
      if (known && api.isTold(known.metadata, 'modified', lastModified)) {
        this.id = id;
        this.sent = known.offset;
        return;
      }
    }
    this.id = await api.beginUpload(size, {filename: name, modified: lastModified});
    this.sent = 0;
  }

  /** Send what is missing. Resolves to true once all of it has come, to false when it was ended; fails with what cannot pass. */
  async finish() {
    for (let failures = 0; this.status !== 'ended';) {
      const before = this.sent;
      try {
        if (this.status === 'paused') {
          await this.#pause();
          continue;
        }
        this.sent = (await api.askUpload(this.id)).offset;
        await this.#sendAll();
        if (this.sent === this.file.size) return this.status !== 'ended';
      } catch (error) {
        if (this.status === 'ended' || this.status === 'paused') continue;
        // It has expired, or a daemon without it has taken the other's place.
        if (error.status === 404 || error.status === 410) await this.begin();
        else if (!mayPass(error)) throw error;
        else {
          failures = this.sent > before ? 1 : failures + 1;
          this.#set('waiting', error.status ? error.message : 'The connection broke');
          await this.#pause(RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
        }
      }
      if (this.status === 'waiting') this.#set('sending');
    }
    return false;
  }

  async #sendAll() {
    while (this.sent < this.file.size && this.status === 'sending') {
      const from = this.sent;
      const abort = this.#abort = new AbortController();
      let silence;
      const hear = () => {
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
      };
      hear();
      try {
        this.sent = await api.sendPart(this.id, from, this.file.slice(from, from + PART), {signal: abort.signal, onProgress: (bytes) => {
          // A browser that sends them all again by itself is no progress.
          if (from + bytes <= this.sent) return;
          hear();
          this.sent = from + bytes;
          this.#changed();
        }});
      } finally {
        clearTimeout(silence);
      }
      this.#changed();
    }
  }

  /** Until so much time has passed, or something has changed. */
  #pause(ms) {
    return new Promise((resolve) => {
      const timer = ms === undefined ? null : setTimeout(() => this.#wake(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }

  pause() {
    this.#set('paused');
    this.#abort?.abort();
  }

  goOn() {
    this.#set('sending');
    this.#wake?.();
  }

  /** Nothing more is sent; what has come is removed. */
  async cancel() {
    this.close();
    this.#abort?.abort();
    this.#wake?.();
    for (let tries = 0; this.id && tries < REMOVALS; tries++) {
      try {
        await api.removeUpload(this.id);
        return;
      } catch (error) {
        if (error.status === 404) return;
        // The daemon notices within about a second that nothing more comes.
        await pause(1000);
      }
    }
  }

  close() {
    this.#set('ended');
    removeEventListener('online', this.#online);
  }
}
