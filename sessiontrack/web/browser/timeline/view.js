// What part of time is seen, on how many pixels.

export const SPANS = { day: 86_400, week: 7 * 86_400, month: 30 * 86_400, year: 365 * 86_400 };
const LEAST_SECONDS = 600;
const MOST_SECONDS = 20 * 365 * 86_400;
const NEAR = 40; // pixels
const AHEAD = 0.03; // of the span: room after "now"

/** [from, from + span) in UTC epoch seconds; a live one ends a little after "now", whenever that is. */
export class View {
  /** @param until null for a live one; so is one that would end later, for nothing is known of the future. */
  constructor(span, until, now, width = 1) {
    this.span = Math.min(Math.max(span, LEAST_SECONDS), MOST_SECONDS);
    const latest = now + this.span * AHEAD;
    this.isLive = until === null || until >= latest;
    this.from = Math.max(0, (this.isLive ? latest : until) - this.span);
    this.now = now;
    this.width = width;
  }

  get to() {
    return this.from + this.span;
  }

  get perPixel() {
    return this.span / this.width;
  }

  /** null while it follows "now". */
  get until() {
    return this.isLive ? null : this.to;
  }

  x(at) {
    return (at - this.from) / this.perPixel;
  }

  at(x) {
    return this.from + x * this.perPixel;
  }

  /** The same time, looked at later or on another width. */
  seen(now, width) {
    return new View(this.span, this.until, now, width);
  }

  /** By so many pixels: positive ones show what is later. */
  moved(pixels) {
    return this.#ending(this.to + pixels * this.perPixel, this.span);
  }

  /** By a factor, below 1 closer; what is at x stays there. Without x a live one stays live. */
  zoomed(factor, x) {
    const span = Math.min(Math.max(this.span * factor, LEAST_SECONDS), MOST_SECONDS);
    const isAtNow = x === undefined || x > this.x(this.now) - NEAR;
    if (this.isLive && isAtNow) return new View(span, null, this.now, this.width);
    const fixed = x ?? this.width / 2;
    return this.#ending(this.at(fixed) + span * (1 - fixed / this.width), span);
  }

  /** With that instant in its middle. */
  centred(at) {
    return this.#ending(at + this.span / 2, this.span);
  }

  #ending(until, span) {
    return new View(span, until, this.now, this.width);
  }
}
