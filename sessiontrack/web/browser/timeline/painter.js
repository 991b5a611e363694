// Draws the timeline on a canvas; it does not depend on the source of its rows.
import { CLOSED, listBars, MIXED, MIXED_MISSING, OPEN, lacksBegin, lacksEnd } from "./bars.js";
import { lay } from "./layout.js";
import { moment, ticks, weekends } from "./ticks.js";

export const AXIS = 46; // pixels above the rows
const MAJOR_LINE = 15;
const MINOR_LINE = 35;
const ROUNDED_FROM = 6; // pixels; narrower bars are rectangles
const HATCH = 9; // pixels between two lines
const WEEKENDS_UP_TO = 100 * 86_400;
const COLORS = ["closed", "open", "missing", "text", "muted", "line", "sunken", "surface", "accent", "now"];

/** The theme's colours as computed by the style sheet, for a canvas. */
export function readColors(probe) {
  return Object.fromEntries(COLORS.map((name) => [name, getComputedStyle(probe.querySelector(`.tl-${name}`)).color]));
}

/** The font of the canvas, as it is in the style sheet. */
export function readFont(probe) {
  const { fontSize, fontFamily } = getComputedStyle(probe);
  return `${fontSize} ${fontFamily}`;
}

/**
 * @param scene {view, height, ratio, calendar, colors, font, now, knownUntil, unknown, rows, rowHeight, barTop, barHeight,
 *   scroll, hover, selected, mark}; open bars end at `knownUntil`, and the ranges `unknown` are hatched;
 *   rows: [{top, mac, index, pieces}]; hover: {x, count} or null; selected: an index or -1; mark: epoch seconds or null.
 */
export function paint(context, scene) {
  const { view, height, ratio, colors } = scene;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = colors.surface;
  context.fillRect(0, 0, view.width, height);
  const marks = ticks(scene.calendar, view.from, view.to, view.width);
  context.save();
  context.beginPath();
  context.rect(0, AXIS, view.width, height - AXIS);
  context.clip();
  paintGround(context, scene, marks);
  for (const row of scene.rows) paintRow(context, scene, row);
  for (const range of scene.unknown) paintUnknown(context, scene, range);
  context.restore();
  paintAxis(context, scene, marks);
  paintNow(context, scene);
  if (scene.mark !== null) paintMark(context, scene);
  if (scene.hover) paintHover(context, scene);
}

/** Round a coordinate to a device pixel. */
const snapped = (x, ratio) => Math.round(x * ratio) / ratio;

function paintGround(context, scene, { minor, major }) {
  const { view, height, ratio, colors, rowHeight } = scene;
  if (view.span <= WEEKENDS_UP_TO) {
    context.fillStyle = colors.sunken;
    for (const [from, to] of weekends(scene.calendar, view.from, view.to)) {
      const x = snapped(view.x(from), ratio);
      context.fillRect(x, AXIS, snapped(view.x(to), ratio) - x, height - AXIS);
    }
  }
  context.fillStyle = colors.line;
  const line = 1 / ratio;
  for (const { at } of minor) context.fillRect(snapped(view.x(at), ratio), AXIS, line, height);
  for (const { at } of major) context.fillRect(snapped(view.x(at), ratio), AXIS, Math.max(1, line), height);
  for (const { top, index } of scene.rows) {
    context.fillRect(0, snapped(top + rowHeight, ratio) - line, view.width, line);
    if (index !== scene.selected) continue;
    context.save();
    context.fillStyle = colors.accent;
    context.globalAlpha = 0.1;
    context.fillRect(0, top, view.width, rowHeight - line);
    context.restore();
  }
}

function paintRow(context, scene, { top, mac, pieces }) {
  const { view, ratio, colors, barHeight } = scene;
  const y = snapped(top + scene.barTop, ratio);
  const bars = listBars(pieces, mac, scene.knownUntil).filter(({ from, to }) => to >= view.from && from <= view.to);
  for (const { bar: { kind }, from, to } of lay(bars, view, ratio)) {
    const x = Math.max(-8, from);
    const bar = { x, y, width: Math.min(view.width + 8, to) - x, height: barHeight };
    if (kind === CLOSED) fill(context, bar, colors.closed);
    else if (kind === OPEN) fill(context, bar, colors.open);
    else if (kind === MIXED) halves(context, bar, colors.closed, colors.open);
    else if (kind === MIXED_MISSING) halves(context, bar, colors.closed, colors.missing);
    else paintMissing(context, bar, kind, colors);
  }
}

/** What cannot be known is hatched: an empty row would say that the device was not there. */
function paintUnknown(context, { view, height, colors }, [from, to]) {
  const [left, right] = [Math.max(0, view.x(from)), Math.min(view.width, view.x(to))];
  if (right <= left) return;
  context.save();
  context.beginPath();
  context.rect(left, AXIS, right - left, height - AXIS);
  context.clip();
  context.globalAlpha = 0.45;
  context.strokeStyle = colors.muted;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = Math.floor((left - height) / HATCH) * HATCH; x < right; x += HATCH) {
    context.moveTo(x, height);
    context.lineTo(x + height - AXIS, AXIS);
  }
  context.stroke();
  context.restore();
}

function fill(context, { x, y, width, height }, color) {
  context.fillStyle = color;
  if (width < ROUNDED_FROM) return context.fillRect(x, y, width, height);
  context.beginPath();
  context.roundRect(x, y, width, height, 3);
  context.fill();
}

function halves(context, { x, y, width, height }, upper, lower) {
  context.fillStyle = upper;
  context.fillRect(x, y, width, height / 2);
  context.fillStyle = lower;
  context.fillRect(x, y + height / 2, width, height / 2);
}

/** A missing end fades out in a broken line. */
function paintMissing(context, bar, kind, colors) {
  const { x, y, width, height } = bar;
  if (width < ROUNDED_FROM) return fill(context, bar, colors.missing);
  const fade = Math.min(48, width * 0.7);
  const [known, unknown] = lacksEnd(kind) ? [x, x + width] : [x + width, x];
  const turn = lacksEnd(kind) ? unknown - fade : unknown + fade;
  const gradient = context.createLinearGradient(known, 0, unknown, 0);
  gradient.addColorStop(0, colors.missing);
  gradient.addColorStop(Math.abs(turn - known) / width, colors.missing);
  gradient.addColorStop(1, colors.missing.replace(/^rgb\((.*)\)$/, "rgba($1, 0.12)"));
  const radii = lacksBegin(kind) ? [0, 3, 3, 0] : [3, 0, 0, 3];
  context.fillStyle = gradient;
  context.beginPath();
  context.roundRect(x, y, width, height, radii);
  context.fill();
  context.save();
  context.strokeStyle = colors.missing;
  context.lineWidth = 1.5;
  context.setLineDash([3, 2.5]);
  context.beginPath();
  context.moveTo(turn, y + 0.75);
  context.lineTo(unknown, y + 0.75);
  context.lineTo(unknown, y + height - 0.75);
  context.lineTo(turn, y + height - 0.75);
  context.stroke();
  context.restore();
}

function paintAxis(context, scene, { minor, major }) {
  const { view, ratio, colors, font } = scene;
  context.textBaseline = "middle";
  context.font = `600 ${font}`;
  context.fillStyle = colors.text;
  major.forEach(({ at, label }, n) => {
    const next = n + 1 < major.length ? view.x(major[n + 1].at) : view.width;
    const width = context.measureText(label).width + 16;
    // The label of a mark before the left edge stays visible as long as there is room for all of it.
    const x = Math.max(view.x(at), 0);
    if (x + width <= Math.max(next, 0) + 8) context.fillText(label, x + 8, MAJOR_LINE);
  });
  context.font = font;
  context.fillStyle = colors.muted;
  const y = major.length ? MINOR_LINE : AXIS / 2;
  for (const { at, label } of minor) {
    const x = view.x(at) + 6;
    if (x >= 0 && x + context.measureText(label).width <= view.width) context.fillText(label, x, y);
  }
  context.fillStyle = colors.line;
  const line = 1 / ratio;
  context.fillRect(0, AXIS - line, view.width, line);
  for (const { at } of minor) context.fillRect(snapped(view.x(at), ratio), AXIS - 18, line, 18);
  for (const { at } of major) context.fillRect(snapped(view.x(at), ratio), 0, Math.max(1, line), AXIS);
}

function paintNow(context, { view, height, ratio, colors, now }) {
  const x = snapped(view.x(now), ratio);
  if (x < -4 || x > view.width + 4) return;
  context.fillStyle = colors.now;
  // Below the labels of the axis, and above the bars.
  context.fillRect(x - 1, AXIS, 2, height);
  context.beginPath();
  context.moveTo(x - 5, AXIS);
  context.lineTo(x + 5, AXIS);
  context.lineTo(x, AXIS + 8);
  context.fill();
}

/** The instant that the page speaks of. */
function paintMark(context, { view, height, ratio, colors, mark }) {
  const x = snapped(view.x(mark), ratio);
  if (x < 0 || x > view.width) return;
  context.fillStyle = colors.text;
  context.fillRect(x, AXIS, 1, height);
  context.beginPath();
  context.arc(x + 0.5, AXIS, 4, 0, 2 * Math.PI);
  context.fill();
}

/** The time at the pointer, and how many were there. */
function paintHover(context, { view, height, ratio, colors, calendar, font, hover }) {
  const time = moment(calendar, view.at(hover.x), view.perPixel);
  const label = hover.count ? `${time} · ${hover.count}` : time;
  context.font = font;
  const width = context.measureText(label).width + 14;
  const left = Math.min(Math.max(0, hover.x - width / 2), view.width - width);
  context.globalAlpha = 0.5;
  context.fillStyle = colors.muted;
  context.fillRect(snapped(hover.x, ratio), AXIS, 1 / ratio, height);
  context.globalAlpha = 1;
  context.fillStyle = colors.text;
  context.beginPath();
  context.roundRect(left, MINOR_LINE - 11, width, 21, 4);
  context.fill();
  context.fillStyle = colors.surface;
  context.fillText(label, left + 7, MINOR_LINE);
}
