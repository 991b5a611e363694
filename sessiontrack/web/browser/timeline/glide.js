// The visible part of time, and the animation to another one.
import { View } from "./view.js";

const TOLD_MS = 250;
const GLIDE_MS = 160;

export class Glide {
  #view;
  #moved;
  #settled;
  #frame = 0;
  #told;

  /**
   * @param moved called at each step.
   * @param settled called with the view once, when the reader has stopped moving.
   */
  constructor(view, moved, settled) {
    [this.#view, this.#moved, this.#settled] = [view, moved, settled];
  }

  get view() {
    return this.#view;
  }

  /** The same view at a later time or with another width; not a move of the reader. */
  set view(view) {
    this.#view = view;
  }

  go(view) {
    cancelAnimationFrame(this.#frame);
    this.#view = view;
    this.#moved();
    clearTimeout(this.#told);
    this.#told = setTimeout(() => this.#settled(this.#view), TOLD_MS);
  }

  /** Move there in a few frames, so that the eye can follow. */
  to(goal) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.go(goal);
    const [begin, from] = [performance.now(), this.#view];
    const step = (time) => {
      const part = Math.min(1, Math.max(0, (time - begin) / GLIDE_MS));
      if (part === 1) return this.go(goal);
      const eased = 1 - (1 - part) ** 3;
      const span = from.span + (goal.span - from.span) * eased;
      this.go(new View(span, from.to + (goal.to - from.to) * eased, from.now, from.width));
      this.#frame = requestAnimationFrame(step);
    };
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#told);
  }
}
