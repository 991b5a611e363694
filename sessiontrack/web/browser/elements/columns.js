// Which columns of a table are shown, by the room there is.

/**
 * Take columns away, in the order of their `leaves`, until the table fits; what identifies a row never leaves.
 *
 * @param scroller the element around the table; a table that still does not fit scrolls in it.
 */
export function fitColumns(scroller) {
  const { firstElementChild: table } = scroller;
  const last = Math.max(0, ...Array.from(table.querySelectorAll("th[data-leaves]"), ({ dataset }) => Number(dataset.leaves)));
  for (let left = 0; left <= last; left += 1) {
    for (const cell of table.querySelectorAll("[data-leaves]")) cell.toggleAttribute("data-left", Number(cell.dataset.leaves) <= left);
    if (table.offsetWidth <= scroller.clientWidth) return;
  }
}
