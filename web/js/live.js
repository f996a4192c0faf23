// One event stream per browser, shared between its tabs.
//
// A browser opens about six connections to one origin, so a stream in every tab would starve the page.
// The visible tab that leads reads the stream and passes events on over a BroadcastChannel; the
// others listen. A hidden tab gives that up and is quiet; whenever a tab has missed something, it is
// told to read everything anew ("resync"). Where streams do not get through, it polls by resyncing.

import {readEvents, ApiError} from './api.js';
import {lead} from './leader.js';

const RETRY_MS = [500, 1000, 2000, 5000];
const POLL_MS = 3000;
const FAILURES_BEFORE_POLLING = 3;

export class Live {
  #channel = new BroadcastChannel('googlenetd.events');
  #lastId = null;
  #abort = null;
  #listener;
  #failures = 0;
  #told = null;  // the status, while this tab reads the stream

  /** listener({onEvent(event), onResync(), onStatus('live' | 'polling' | 'lost' | 'unauthorized')}) */
  constructor(listener) {
    this.#listener = listener;
    this.#channel.onmessage = ({data}) => {
      if (document.hidden) return;
      if (data.event) this.#take(data.event);
      if (data.status) listener.onStatus(data.status);
      if (data.hello && this.#told) this.#channel.postMessage({status: this.#told});
    };
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#pause() : this.start()));
  }

  start() {
    if (document.hidden || this.#abort) return;
    this.#abort = new AbortController();
    this.#listener.onResync();
    const {signal} = this.#abort;
    this.#channel.postMessage({hello: true});
    lead('googlenetd.stream', signal, async (reign) => {
      await this.#lead(reign);
      this.#told = null;
    });
  }

  #pause() {
    this.#abort?.abort();
    this.#abort = null;
    this.#lastId = null;
  }

  restart() {
    this.#pause();
    this.start();
  }

  #take(event) {
    this.#lastId = event.id;
    if (event.type !== 'cursor') this.#listener.onEvent(event);
  }

  #tell(status) {
    this.#told = status;
    this.#listener.onStatus(status);
    this.#channel.postMessage({status});
  }

  /** Read the stream again and again until this tab is hidden. */
  async #lead(signal) {
    while (!signal.aborted) {
      const resumed = this.#lastId !== null;
      try {
        await readEvents({
          lastId: this.#lastId,
          signal,
          onOpen: () => {
            this.#tell('live');
            // Without a place to go on from, what happened since the last read is unknown.
            if (!resumed || this.#failures > 0) this.#listener.onResync();
            this.#failures = 0;
          },
          onEvent: (event) => {
            this.#take(event);
            this.#channel.postMessage({event});
          },
        });
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) {
          this.#tell('unauthorized');
          return;
        }
      }
      if (signal.aborted) return;
      await this.#wait(signal);
    }
  }

  async #wait(signal) {
    const failures = this.#failures++;
    const polling = failures >= FAILURES_BEFORE_POLLING;
    this.#tell(polling ? 'polling' : 'lost');
    const pause = polling ? POLL_MS : RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, pause);
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()));
    });
    if (polling && !signal.aborted) this.#listener.onResync();
  }
}
