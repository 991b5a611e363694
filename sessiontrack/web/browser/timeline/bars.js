// The bars of one device, joined from its tiles.

export const [CLOSED, OPEN, NO_CONNECTION, NO_DISCONNECTION, MIXED, MIXED_MISSING] = [0, 1, 2, 3, 4, 5];
export const lacksBegin = (kind) => kind === NO_CONNECTION;
export const lacksEnd = (kind) => kind === NO_DISCONNECTION;

/**
 * All bars as [{from, to, kind}], in seconds and in order of time; one that spans tiles is one bar.
 *
 * @param pieces from Tiles.pieces. @param now the end of open bars.
 */
export function listBars(pieces, mac, now) {
  const found = [];
  for (const { entry, from: clipFrom, to: clipTo } of pieces) {
    const bars = entry.bars.get(mac);
    if (!bars) continue;
    for (let n = 0; n < bars.length; n += 3) {
      const kind = bars[n + 2];
      const from = Math.max(clipFrom, entry.from + bars[n] * entry.perPixel);
      let to = entry.from + bars[n + 1] * entry.perPixel;
      // An open bar has grown since the answer.
      if (kind === OPEN && to > entry.now - entry.perPixel) to = Math.max(now, entry.now);
      to = Math.min(clipTo, to);
      if (to <= from) continue;
      const last = found.at(-1);
      if (last?.kind === kind && from <= last.to) last.to = to;
      else found.push({ from, to, kind });
    }
  }
  return found;
}

/** The bar at an instant, or the nearest one within this many seconds; or at a place, within so many pixels. */
export function barAt(bars, at, within) {
  const distance = (bar) => Math.max(bar.from - at, at - bar.to, 0);
  const nearest = bars.reduce((best, bar) => (best && distance(best) <= distance(bar) ? best : bar), undefined);
  return nearest && distance(nearest) <= within ? nearest : undefined;
}
