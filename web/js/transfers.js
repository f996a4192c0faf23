// Files that are being sent to become data sets. They go on while the reader looks at other pages; leaving the whole
// page asks first.

import * as api from './api.js';
import {requestKey} from './key.js';
import {pause} from './pause.js';
import {Upload} from './upload.js';

const RETRY_MS = 3000;

export class Transfers {
  items = [];  // {key, name, upload, error: why it ended, in words, startedAt, startedFrom}
  #changed;
  #made;
  #count = 0;

  /** made(set) is called with each data set that comes of a file. */
  constructor(changed, made) {
    this.#changed = changed;
    this.#made = made;
    addEventListener('beforeunload', (event) => {
      if (this.items.some((i) => !i.error)) event.preventDefault();
    });
  }

  /**
   * Send `file` and make the data set `request` of it. Resolves once the daemon has taken the first step and found nothing
   * wrong with the request; fails with what it found.
   */
  async start(request, file) {
    const item = {key: ++this.#count, name: request.name, upload: new Upload(file, this.#changed), keyOf: requestKey(), error: null};
    await item.upload.begin();
    try {
      const set = await this.#check(item, request);
      if (set) return this.#end(item, set);
    } catch (error) {
      await item.upload.cancel();
      throw error;
    }
    Object.assign(item, {startedAt: performance.now(), startedFrom: item.upload.sent});
    this.items.push(item);
    this.#run(item, request);
    return null;
  }

  /** The daemon names all faults of a request: before the first byte only the file may be what is missing. */
  async #check(item, request) {
    try {
      return await this.#create(item, request);
    } catch (error) {
      const others = error.errors?.filter((e) => !e.pointer.startsWith('/source')) ?? [];
      if (error.status !== 400 || others.length || !error.errors.length) throw Object.assign(error, others.length && {errors: others});
      return null;
    }
  }

  async #run(item, request) {
    try {
      if (!(await item.upload.finish())) return;
      this.#end(item, await this.#make(item, request));
    } catch (error) {
      item.error = error.message;
      item.upload.close();
    }
    this.#changed();
  }

  /** The set of the request; a request whose answer was lost may have made it. */
  #create(item, request) {
    const body = {...request, source: {upload: item.upload.id}};
    return api.createDataset(body, item.keyOf(body));
  }

  async #make(item, request) {
    for (let name = request.name, n = 2; ;) {
      try {
        return await this.#create(item, {...request, name});
      } catch (error) {
        // Somebody was faster; so many bytes are not thrown away for a name.
        if (error.code === 'name_taken') name = `${request.name.slice(0, 120)} ${n++}`;
        else if (!error.status || error.status === 503) await pause(RETRY_MS);
        else throw error;
      }
    }
  }

  #end(item, set) {
    item.upload.close();
    this.#forget(item);
    this.#made(set);
    return set;
  }

  #forget(item) {
    this.items = this.items.filter((i) => i !== item);
    this.#changed();
  }

  async cancel(item) {
    this.#forget(item);
    await item.upload.cancel();
  }
}
