// How many were there at the pointer: asked for as it moves, one request at a time.

const PAUSE_MS = 80;

export class Cursor {
  #count;
  #redraw;
  #wanted = null; // epoch seconds
  #found = null; // {at, count}
  #asking = false;

  /** @param count the source's function, undefined if it has none. @param redraw called when a count has arrived. */
  constructor(count, redraw) {
    [this.#count, this.#redraw] = [count, redraw];
  }

  /** {count} with the latest count within `near` seconds of the instant; null if there is none yet. */
  at(at, near) {
    this.#wanted = at;
    if (this.#count && !this.#asking && this.#found?.at !== Math.floor(at)) this.#ask();
    return this.#found && Math.abs(this.#found.at - at) <= near ? this.#found : null;
  }

  leave() {
    this.#wanted = null;
  }

  async #ask() {
    this.#asking = true;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const at = this.#wanted === null ? null : Math.floor(this.#wanted);
    try {
      if (at !== null) this.#found = { at, count: await this.#count({ at }) };
    } catch {
      // Without a count the pointer still shows the time; the next move asks again.
    }
    this.#asking = false;
    if (at !== null) this.#redraw();
  }
}
