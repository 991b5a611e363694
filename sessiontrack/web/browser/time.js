// Instants in site time, and durations in sessiontrack's format.
import { html } from "lit";
import { locale, timezone } from "#here";
import { t } from "#i18n";

/** The site time zone, or UTC if this browser does not support it. */
export const zone = (() => {
  try {
    new Intl.DateTimeFormat(locale, { timeZone: timezone });
    return timezone;
  } catch {
    return "UTC";
  }
})();

const cache = new Map();
function formatter(options) {
  const key = JSON.stringify(options);
  if (!cache.has(key)) cache.set(key, new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }));
  return cache.get(key);
}

/** A Date from epoch seconds, or from text with an offset. */
export const toDate = (at) => new Date(typeof at === "number" ? at * 1000 : at);

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DAY = { day: "numeric", month: "short" };
const yearOf = (date) => formatter({ year: "numeric" }).format(date);
const dayOf = (date) => formatter({ dateStyle: "short" }).format(date);

/** Short: the time if it is today, otherwise with the day, and with the year if it is another one. */
export function shortInstant(at, now = new Date()) {
  const date = toDate(at);
  if (dayOf(date) === dayOf(now)) return formatter(CLOCK).format(date);
  if (yearOf(date) === yearOf(now)) return formatter({ ...DAY, ...CLOCK }).format(date);
  return formatter({ ...DAY, year: "numeric", ...CLOCK }).format(date);
}

/** In one line, with the weekday, "Fri 27 Nov, 20:00"; with the year if it is another one. */
export function weekdayInstant(at, now = new Date()) {
  const date = toDate(at);
  const year = yearOf(date) === yearOf(now) ? {} : { year: "numeric" };
  return formatter({ weekday: "short", ...DAY, ...year, ...CLOCK }).format(date).replaceAll(" ", "\u00a0");
}

/** In full, with the zone's name. */
export const fullInstant = (at) =>
  `${formatter({ dateStyle: "full", timeStyle: "medium" }).format(toDate(at))} (${zone})`;

export const formatDay = (at) => formatter({ ...DAY, year: "numeric" }).format(toDate(at));
export const formatClock = (at) => formatter(CLOCK).format(toDate(at));

/** As files and answers of the API have it: 2026-11-27 20:00; with seconds in the style "medium". */
export function writtenInstant(at, timeStyle = "short") {
  const options = { timeZone: zone, dateStyle: "short", timeStyle };
  return new Intl.DateTimeFormat("sv", options).format(toDate(at));
}

const element = (at, text) => html`<time datetime=${toDate(at).toISOString()} title=${fullInstant(at)}>${text}</time>`;

/**
 * An instant for a page: short, in full on hover; null is shown as "never".
 *
 * @param begin the instant before it in a line, if there is one: their day is said once.
 */
export function instant(at, begin) {
  if (at === null || at === undefined) return html`<span class="muted">${t("time.never")}</span>`;
  return element(at, shortInstant(at, begin ? toDate(begin) : new Date()));
}

/** The same with its weekday. */
export const weekday = (at) => element(at, weekdayInstant(at));

/** Whether an instant (ISO text, with an offset) is of before anything was recorded: what was then nobody can say. */
export const isUnrecorded = ({ at, recorded_since: since }) => since === null || Date.parse(at) < Date.parse(since);

const amount = (unit, count) => t(`time.${unit}`, { count });

const UNITS = { d: 86_400, h: 3600, m: 60, s: 1 };

/** 12m 5s; whole minutes from one hour on. */
export const formatSeconds = (seconds) => (seconds >= UNITS.h ? formatDuration(seconds) : parts(seconds, "s"));

/** 2h 3m, 1d 2h; with the units of the page's language, without those of which there are none. */
export const formatDuration = (seconds) => parts(seconds - (seconds % UNITS.m), "m");

function parts(seconds, least) {
  const found = [];
  let rest = seconds;
  for (const [unit, length] of Object.entries(UNITS)) {
    if (rest >= length) found.push(amount(unit, Math.floor(rest / length)));
    rest %= length;
  }
  return found.join(" ") || amount(least, 0);
}
