// A table that reloads by itself: which rows have changed, and where the reader was.

const MARKED_MS = 2500;

/** A key function for a list: rows with the same key differ by their order. */
export function keysOf(rows, keyOf) {
  const times = new Map();
  const keys = rows.map((row) => {
    const key = keyOf(row);
    times.set(key, (times.get(key) ?? 0) + 1);
    return `${key} ${times.get(key)}`;
  });
  return (_, index) => keys[index];
}

/** Compares the rows before and after an update, by what they say; numbers and times change all the time. */
export class ChangedRows {
  isMarking = false;
  #said = new WeakMap();
  #focused;

  before(table) {
    this.#focused = table.contains(document.activeElement) ? document.activeElement : undefined;
  }

  after(table) {
    for (const row of table.querySelectorAll("tbody tr")) {
      const cells = [...row.cells].filter(({ dataset }) => dataset.kind !== "number");
      const said = cells.map(({ textContent }) => textContent.trim()).join("\n");
      if (this.isMarking && this.#said.get(row) !== said) mark(row);
      this.#said.set(row, said);
    }
    this.isMarking = false;
    // A row that was moved has lost the focus.
    if (this.#focused?.isConnected && document.activeElement === document.body) this.#focused.focus({ preventScroll: true });
  }
}

function mark(row) {
  row.toggleAttribute("data-changed", true);
  setTimeout(() => row.removeAttribute("data-changed"), MARKED_MS);
}
