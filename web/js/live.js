// One event stream per browser, shared between its tabs.
//
// A browser opens about six connections to one origin, so a stream in every tab would starve the page.
// The visible tab that leads reads the stream and passes events on over a BroadcastChannel; the
// others listen. A hidden tab gives that up and is quiet; whenever a tab has missed something, it is
// told to read everything anew ("resync"). After a break the stream goes on from the last event that was
// taken, so nothing is missed and nothing is read anew. Where streams do not get through, it polls by resyncing.
//
// "Live" is said only of a daemon that was heard lately. A stream that is silent for a while is not believed: the
// daemon is asked whether it is there, and the stream is given up when it does not answer.

import {isAlive, openEvents} from './api.js';
import {lead} from './leader.js';
import {pause} from './pause.js';
import {readStream} from './stream.js';

const RETRY_MS = [500, 1000, 2000, 5000];
const POLL_MS = 3000;
const FAILURES_BEFORE_POLLING = 3;
const QUIET_MS = 6000;      // silence after which the daemon is asked
const ANSWER_MS = 5000;     // in which it has to answer
const BEAT_MS = 2000;       // the leader tells the others at most this often that the daemon was heard
const FORSAKEN_MS = 25000;  // silence of the leader after which a tab says so

export class Live {
  #channel = new BroadcastChannel('googlenetd.events');
  #cursor = null;     // where the stream goes on, in the daemon's words
  #abort = null;
  #listener;
  #failures = 0;
  #told = null;       // the status, while this tab reads the stream
  #heardAt = 0;
  #beatAt = 0;

  /**
   * listener({onEvent(event), onResync() -> whether it went well, onResumed(), onPause(), onHeard(time),
   *           onStatus('live' | 'polling' | 'lost')})
   */
  constructor(listener) {
    this.#listener = listener;
    this.#channel.onmessage = ({data}) => {
      if (document.hidden || !this.#abort) return;
      if (data.heard) this.#hear(data.heard);
      if (data.block) this.#take(data.block);
      if (data.status) listener.onStatus(data.status);
      if (data.hello && this.#told) this.#channel.postMessage({status: this.#told, heard: this.#heardAt});
    };
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#pause() : this.start()));
    setInterval(() => this.#checkLeader(), 1000);
  }

  start() {
    if (document.hidden || this.#abort) return;
    this.#abort = new AbortController();
    this.#heardAt = Date.now();
    this.#listener.onResync();
    const {signal} = this.#abort;
    this.#channel.postMessage({hello: true});
    lead('googlenetd.stream', signal, async (reign) => {
      await this.#lead(reign);
      this.#told = null;
    });
  }

  #pause() {
    this.#listener.onPause();
    this.#abort?.abort();
    this.#abort = null;
    this.#cursor = null;
  }

  restart() {
    this.#pause();
    this.start();
  }

  /** The daemon gave a sign of life; also called for the answers to other requests. */
  heard() {
    const now = Date.now();
    this.#hear(now);
    if (!this.#told || now - this.#beatAt < BEAT_MS) return;
    this.#beatAt = now;
    this.#channel.postMessage({heard: now, status: this.#told});
  }

  #hear(time) {
    this.#heardAt = Math.max(this.#heardAt, time);
    this.#listener.onHeard(this.#heardAt);
  }

  /** A tab that listens hears of the daemon through the one that leads, which may have been frozen. */
  #checkLeader() {
    if (this.#abort && !this.#told && !document.hidden && Date.now() - this.#heardAt > FORSAKEN_MS) this.#listener.onStatus('lost');
  }

  #take({id, data}) {
    if (id !== null) this.#cursor = id;
    if (data?.type === 'reset') this.#listener.onResync();
    else if (data) this.#listener.onEvent(data);
  }

  #tell(status) {
    this.#told = status;
    this.#listener.onStatus(status);
    this.#channel.postMessage({status});
  }

  /** Read the stream again and again until this tab is hidden. */
  async #lead(signal) {
    while (!signal.aborted) {
      try {
        await this.#read(signal);
      } catch {
        // Whatever it was, the stream is read again.
      }
      if (signal.aborted) return;
      await this.#wait(signal);
    }
  }

  async #read(signal) {
    const connection = new AbortController();
    const end = () => connection.abort();
    signal.addEventListener('abort', end);
    const watch = this.#watch(end);
    try {
      const resumed = this.#cursor !== null;
      const response = await openEvents(this.#cursor, connection.signal);
      this.#tell('live');
      this.#failures = 0;
      // Without a place to go on from, what happened since the last read is unknown.
      if (resumed) this.#listener.onResumed();
      else this.#listener.onResync();
      await readStream(response.body, {
        onHeard: () => this.heard(),
        onBlock: (block) => {
          this.#take(block);
          this.#channel.postMessage({block});
        },
      });
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', end);
    }
  }

  /** Call `giveUp` when the daemon neither says something nor answers when it is asked. */
  #watch(giveUp) {
    let heardAt = Date.now(), asking = false;
    return setInterval(async () => {
      heardAt = Math.max(heardAt, this.#heardAt);
      if (asking || Date.now() - heardAt < QUIET_MS) return;
      asking = true;
      if (!(await isAlive(ANSWER_MS))) giveUp();
      asking = false;
    }, 1000);
  }

  async #wait(signal) {
    const failures = this.#failures++;
    const polling = failures >= FAILURES_BEFORE_POLLING;
    if (!polling) this.#tell('lost');
    await pause(polling ? POLL_MS : RETRY_MS[Math.min(failures, RETRY_MS.length - 1)], signal);
    if (!polling || signal.aborted) return;
    const answered = await this.#listener.onResync();
    if (!signal.aborted) this.#tell(answered ? 'polling' : 'lost');
  }
}
