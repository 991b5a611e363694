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

/** With the weekday, "Fri 27 Nov, 20:00"; with the year if it is another one. */
export function weekdayInstant(at, now = new Date()) {
  const date = toDate(at);
  const year = yearOf(date) === yearOf(now) ? {} : { year: "numeric" };
  return formatter({ weekday: "short", ...DAY, ...year, ...CLOCK }).format(date);
}

/** In full, with the zone's name. */
export const fullInstant = (at) =>
  `${formatter({ dateStyle: "full", timeStyle: "medium" }).format(toDate(at))} (${zone})`;

export const formatDay = (at) => formatter({ ...DAY, year: "numeric" }).format(toDate(at));
export const formatClock = (at) => formatter(CLOCK).format(toDate(at));

/** As files and answers of the API have it: 2026-11-27 20:00. */
export function writtenInstant(at) {
  const options = { timeZone: zone, dateStyle: "short", timeStyle: "short" };
  return new Intl.DateTimeFormat("sv", options).format(toDate(at));
}

/** An instant for a page: short, in full on hover; null is shown as "never". */
export function instant(at) {
  if (at === null || at === undefined) return html`<span class="muted">${t("time.never")}</span>`;
  return html`<time datetime=${toDate(at).toISOString()} title=${fullInstant(at)}>${shortInstant(at)}</time>`;
}

const amount = (unit, count) => t(`time.${unit}`, { count });

/** As formatDuration, but with seconds below one hour: 12m 5s. */
export function formatSeconds(seconds) {
  if (seconds >= 3600) return formatDuration(seconds);
  const rest = amount("s", seconds % 60);
  return seconds >= 60 ? `${amount("m", Math.floor(seconds / 60))} ${rest}` : rest;
}

/** 2h 0m; from one day on 1d 2h 3m; with the units of the page's language. */
export function formatDuration(seconds) {
  const minutes = Math.floor(seconds / 60);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  const shorter = `${amount("h", hours)} ${amount("m", minutes % 60)}`;
  return days ? `${amount("d", days)} ${shorter}` : shorter;
}
