// The tooltip of a bar: loaded after a short delay, placed below its row.
import { render } from "lit";
import { spoken, tooltip } from "./tooltip.js";

const ASKED_MS = 70;

export class Tip {
  #box;
  #layout;
  #shown = ""; // the bar of the tooltip
  #pinned = ""; // the bar of the first touch
  #asking;

  /**
   * @param box () => the tooltip element, null before it exists.
   * @param layout (index) => {left, width, top, rowHeight, height} of the plot and of a row, in CSS pixels.
   */
  constructor(box, layout) {
    [this.#box, this.#layout] = [box, layout];
  }

  /**
   * Show the sessions of a bar.
   *
   * @param bar {index, device, from, to, kind}. @param x the pointer's position.
   * @param sessions a BarSessions; isOpen whether the bar reaches "now".
   * @param say called with the tooltip's text once it is loaded.
   */
  async show(bar, x, { calendar, sessions, isOpen, say }) {
    const { device, index } = bar;
    const name = `${device.mac} ${bar.from} ${bar.kind}`;
    if (name === this.#shown) return this.#place(index, x);
    this.hide();
    this.#shown = name;
    this.#draw(tooltip(calendar, device), index, x);
    let [found, error] = [];
    try {
      // A pointer that only passes over bars triggers no request.
      await new Promise((resolve) => (this.#asking = setTimeout(resolve, ASKED_MS)));
      if (this.#shown !== name) return;
      found = await sessions.of(device.mac, bar, isOpen);
    } catch (failed) {
      error = failed;
    }
    if (this.#shown !== name) return;
    this.#draw(tooltip(calendar, device, found, error), index, x);
    say(spoken(calendar, device, found));
  }

  hide() {
    this.#shown = "";
    this.#pinned = "";
    clearTimeout(this.#asking);
    const box = this.#box();
    if (box) box.hidden = true;
  }

  /** Whether this is the second touch on the same bar; the first one shows the tooltip. */
  isPinned(mac, bar) {
    return this.#pinned === `${mac} ${bar.from}`;
  }

  pin(mac, bar) {
    this.#pinned = `${mac} ${bar.from}`;
  }

  #draw(content, index, x) {
    const box = this.#box();
    render(content, box);
    box.hidden = false;
    this.#place(index, x);
  }

  /** Place it below the row, or above if there is no room. */
  #place(index, x) {
    const box = this.#box();
    const { left, width, top, rowHeight, height } = this.#layout(index);
    const isAbove = top + rowHeight + box.offsetHeight + 8 > height && top > box.offsetHeight;
    const y = isAbove ? top - box.offsetHeight - 4 : top + rowHeight + 2;
    const right = left + width - box.offsetWidth - 4;
    box.style.transform = `translate(${Math.round(Math.max(4, Math.min(left + x + 12, right)))}px, ${Math.round(y)}px)`;
  }
}
