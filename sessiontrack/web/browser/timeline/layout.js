// Where bars are drawn: a short one must be seen, too.

const LEAST = 3; // pixels
const GAP = 1;
const LINE = 1; // the half of the line of now
const BESIDE = 12; // pixels before that line

/**
 * The bars of a row as [{bar, from, to}], in pixels.
 *
 * A bar is LEAST wide as far as the gap before it allows. Beside the line of now, which would hide it, it always is, and
 * ends at that line; the bars before it give way. Those further away do not: in a row of many short ones all would move.
 *
 * @param bars [{from, to, kind}] in seconds and in order of time. @param ratio device pixels per pixel.
 */
export function lay(bars, view, ratio) {
  const x = (at) => Math.round(view.x(at) * ratio) / ratio;
  const line = x(view.now) - LINE;
  let free = line;
  const laid = new Array(bars.length);
  for (let n = bars.length - 1; n >= 0; n -= 1) {
    const bar = bars[n];
    const left = x(bar.from);
    const right = Math.max(x(bar.to), left + 1 / ratio);
    const before = n ? bars[n - 1].to : -Infinity;
    if (right > line - BESIDE && left <= line + LINE) {
      const to = Math.min(right, free);
      const from = Math.min(left, to - LEAST);
      free = before < bar.from ? from - GAP : from;
      laid[n] = { bar, from, to };
    } else {
      laid[n] = { bar, from: Math.min(left, Math.max(right - LEAST, x(before) + GAP)), to: right };
    }
  }
  return laid;
}
