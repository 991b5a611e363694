// The rows of the timeline: their shape, which of them are in sight, and where each is.
import { AXIS } from "./painter.js";

const NARROW = 640; // CSS pixels
const WIDE_ROWS = { rowHeight: 34, barTop: 9, barHeight: 16 };
const PAPER = 760; // of a page of A4, below its head
const LEAST_ON_PAPER = 17;
const NARROW_ROWS = { rowHeight: 50, barTop: 26, barHeight: 15 };

/** The rows in an element that scrolls them. Places are pixels below its upper edge, where the axis is. */
export class Rows {
  shape = WIDE_ROWS;
  #scroller;
  #rest;

  /** @param scroller shows the rows. @param rest keeps it as high as all rows, below what stays in sight. */
  constructor(scroller, rest) {
    this.#scroller = scroller;
    this.#rest = rest;
  }

  /** Choose the shape for this width; whether it is the narrow one. */
  measure(width) {
    this.shape = width < NARROW ? NARROW_ROWS : WIDE_ROWS;
    return width < NARROW;
  }

  /** Choose the shape with which so many rows are on one page of paper. */
  measurePaper(count) {
    const room = Math.floor((PAPER - AXIS) / Math.max(1, count));
    const rowHeight = Math.max(LEAST_ON_PAPER, Math.min(WIDE_ROWS.rowHeight, room));
    const barHeight = Math.min(WIDE_ROWS.barHeight, rowHeight - 6);
    this.shape = { rowHeight, barTop: Math.floor((rowHeight - barHeight) / 2), barHeight };
  }

  get height() {
    return this.#scroller.clientHeight;
  }

  /** Where a row begins. */
  top(index) {
    return AXIS + index * this.shape.rowHeight - this.#scroller.scrollTop;
  }

  /** The row at that place; -1 for none. @param total the number of rows. */
  at(place, total) {
    if (place < AXIS) return -1;
    const index = Math.floor((place - AXIS + this.#scroller.scrollTop) / this.shape.rowHeight);
    return index < total ? index : -1;
  }

  /** The first and the last row in sight. */
  inSight(total) {
    const { scrollTop } = this.#scroller;
    const { rowHeight } = this.shape;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight));
    return [first, Math.max(first, Math.min(total - 1, Math.floor((scrollTop + this.height - AXIS) / rowHeight)))];
  }

  /** The first row that is in sight as a whole. */
  get first() {
    return Math.ceil(this.#scroller.scrollTop / this.shape.rowHeight);
  }

  /** How many rows the key for a page moves by. */
  get aPage() {
    return Math.max(1, Math.floor((this.height - AXIS) / this.shape.rowHeight) - 1);
  }

  scroll(pixels) {
    this.#scroller.scrollTop += pixels;
  }

  toTop() {
    this.#scroller.scrollTop = 0;
  }

  /** Scroll as far as the row needs to be in sight. */
  reveal(index) {
    const { rowHeight } = this.shape;
    const room = this.height - AXIS;
    const top = index * rowHeight;
    if (top < this.#scroller.scrollTop) this.#scroller.scrollTop = top;
    if (top + rowHeight > this.#scroller.scrollTop + room) this.#scroller.scrollTop = top + rowHeight - room;
  }

  /** Take the height of all rows, up to the limit of the style sheet. */
  fit(total) {
    const height = AXIS + Math.max(1, total) * this.shape.rowHeight;
    if (this.#scroller.dataset.content === String(height)) return;
    this.#scroller.dataset.content = height;
    this.#scroller.style.height = `${height}px`;
    this.#rest.style.height = `${Math.max(0, height - this.height)}px`;
  }
}
