// The visible part of time, and its width in pixels.

export const SPANS = { day: 86_400, week: 7 * 86_400, month: 30 * 86_400, year: 365 * 86_400 };
const LEAST_SECONDS = 600;
const MOST_SECONDS = 20 * 365 * 86_400;
const NEAR = 40; // pixels
export const AHEAD = 0.03; // of the span: room after "now"

/** [from, from + span) in UTC epoch seconds; a live view follows "now" and ends a little after it. */
export class View {
  /** @param until null for a live view; a view that would end later is live, too. */
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

  /** The end; null for a live view. */
  get until() {
    return this.isLive ? null : this.to;
  }

  x(at) {
    return (at - this.from) / this.perPixel;
  }

  at(x) {
    return this.from + x * this.perPixel;
  }

  /** The same view at a later time or with another width. */
  seen(now, width) {
    return new View(this.span, this.until, now, width);
  }

  /** Moved by this many pixels; positive values move forward in time. */
  moved(pixels) {
    return this.#ending(this.to + pixels * this.perPixel, this.span);
  }

  /** Zoomed by a factor, below 1 closer, around x. Without x a live view stays live. */
  zoomed(factor, x) {
    const span = Math.min(Math.max(this.span * factor, LEAST_SECONDS), MOST_SECONDS);
    const isAtNow = x === undefined || x > this.x(this.now) - NEAR;
    if (this.isLive && isAtNow) return new View(span, null, this.now, this.width);
    const fixed = x ?? this.width / 2;
    return this.#ending(this.at(fixed) + span * (1 - fixed / this.width), span);
  }

  /** Centred on this instant. */
  centred(at) {
    return this.#ending(at + this.span / 2, this.span);
  }

  #ending(until, span) {
    return new View(span, until, this.now, this.width);
  }
}
