// What a page asks for by itself, rather than hears of by events: a report, the lists of a form, a page of pictures. What
// could not be read while the daemon was away is read once it is back.

const AGAIN_MS = 3000;  // between two questions that failed

/** Nobody answered, or could not for the moment; anything else will be said again. */
const isPassing = ({status}) => !status || status >= 500;

export class Reading {
  #how;
  #number = 0;       // of the newest question: answers to older ones are left
  #failedAt = null;  // when it was asked in vain, and is to be asked again

  /** read() is a promise; take(what it answers) or fail(error) is called in the end. */
  constructor({read, take, fail}) {
    this.#how = {read, take, fail};
  }

  async ask() {
    const {read, take, fail} = this.#how, number = ++this.#number;
    this.#failedAt = null;
    let answer;
    try {
      answer = await read();
    } catch (error) {
      if (number !== this.#number) return;
      this.#failedAt = isPassing(error) ? performance.now() : null;
      fail(error);
      return;
    }
    if (number === this.#number) take(answer);
  }

  /** To be called with each update of the page. */
  update(state) {
    if (this.#failedAt !== null && state.isCurrent && performance.now() - this.#failedAt >= AGAIN_MS) this.ask();
  }

  /** Nobody waits for an answer any more. */
  leave() {
    this.#number++;
    this.#failedAt = null;
  }
}
