// The row and the session selected by keyboard.
import { barAt } from "./bars.js";
import { press } from "./gestures.js";

export class Selection {
  #of;
  #picked = null; // {index, bar}

  /**
   * @param of the rows to select from: total, view, firstRow and rowsAPage, bars(index); and the actions:
   *   reveal(index), chosen(index, bar), glide(view), live(), open(index), hide().
   */
  constructor(of) {
    this.#of = of;
  }

  /** The index of the selected row, -1 for none. */
  get index() {
    return this.#picked?.index ?? -1;
  }

  clear() {
    this.#picked = null;
  }

  press(event) {
    const of = this.#of;
    const { view } = of;
    const isMeant = press(event, view.width, {
      move: (pixels) => of.glide(view.moved(pixels)),
      zoom: (factor) => of.glide(view.zoomed(factor)),
      row: (by) => this.pick(this.index + by),
      rowAt: (which) => this.pick(which === "first" ? 0 : of.total - 1),
      page: (by) => this.pick(Math.max(0, this.index) + by * of.rowsAPage),
      bar: (by) => this.#pickBar(by),
      now: () => of.live(),
      open: () => of.open(this.index),
      close: () => of.hide(),
    });
    if (isMeant) event.preventDefault();
  }

  /** Restore the selection, or select the first visible row. */
  resume() {
    this.pick(this.#picked?.index ?? this.#of.firstRow);
  }

  pick(wanted, bar) {
    const { total, view } = this.#of;
    if (!total) return;
    const index = Math.max(0, Math.min(total - 1, wanted));
    this.#of.reveal(index);
    const middle = this.#picked?.bar ? (this.#picked.bar.from + this.#picked.bar.to) / 2 : view.to;
    const chosen = bar ?? barAt(this.#of.bars(index), Math.min(middle, view.to), Infinity);
    this.#picked = { index, bar: chosen };
    this.#of.chosen(index, chosen);
  }

  /** Select the previous or next session; if it is not visible, scroll to it. */
  #pickBar(by) {
    if (!this.#picked) return this.pick(this.#of.firstRow);
    const { index, bar } = this.#picked;
    const bars = this.#of.bars(index);
    const beside = bar && (by > 0 ? bars.find((each) => each.from > bar.from) : bars.findLast((each) => each.from < bar.from));
    if (beside) return this.pick(index, beside);
    const { view } = this.#of;
    this.#of.glide(view.moved(by * view.width * 0.8));
  }
}
