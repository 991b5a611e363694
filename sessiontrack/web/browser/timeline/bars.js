// The bars of one device, joined from its tiles.

export const [CLOSED, OPEN, NO_CONNECTION, NO_DISCONNECTION, MIXED, MIXED_MISSING] = [0, 1, 2, 3, 4, 5];
export const lacksBegin = (kind) => kind === NO_CONNECTION;
export const lacksEnd = (kind) => kind === NO_DISCONNECTION;

/**
 * Call draw(from, to, kind), in seconds, for each bar in order of time; a bar that spans tiles is drawn once.
 *
 * @param pieces from Tiles.pieces. @param now the end of open bars.
 */
export function eachBar(pieces, mac, now, draw) {
  let [from, to, kind] = [0, 0, -1];
  for (const { entry, from: clipFrom, to: clipTo } of pieces) {
    const bars = entry.bars.get(mac);
    if (!bars) continue;
    for (let n = 0; n < bars.length; n += 3) {
      const begin = Math.max(clipFrom, entry.from + bars[n] * entry.perPixel);
      let end = entry.from + bars[n + 1] * entry.perPixel;
      // An open bar has grown since the answer.
      if (bars[n + 2] === OPEN && end > entry.now - entry.perPixel) end = Math.max(now, entry.now);
      end = Math.min(clipTo, end);
      if (end <= begin) continue;
      if (bars[n + 2] === kind && begin <= to) {
        to = end;
      } else {
        if (kind >= 0) draw(from, to, kind);
        [from, to, kind] = [begin, end, bars[n + 2]];
      }
    }
  }
  if (kind >= 0) draw(from, to, kind);
}

/** All bars: [{from, to, kind}]. */
export function listBars(pieces, mac, now) {
  const found = [];
  eachBar(pieces, mac, now, (from, to, kind) => found.push({ from, to, kind }));
  return found;
}

/** The bar at an instant, or the nearest one within this many seconds. */
export function barAt(bars, at, within) {
  const distance = (bar) => Math.max(bar.from - at, at - bar.to, 0);
  const nearest = bars.reduce((best, bar) => (best && distance(best) <= distance(bar) ? best : bar), undefined);
  return nearest && distance(nearest) <= within ? nearest : undefined;
}
