// The marks of a time axis: positions by the calendar, and labels.

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const LABELS = {
  clock: CLOCK,
  day: { weekday: "short", day: "numeric" },
  dayNumber: { day: "numeric" },
  month: { month: "short" },
  year: { year: "numeric" },
  midDay: { weekday: "short", day: "numeric", month: "short" },
  longDay: { weekday: "short", day: "numeric", month: "long", year: "numeric" },
  midMonth: { month: "short", year: "numeric" },
  longMonth: { month: "long", year: "numeric" },
  moment: { weekday: "short", day: "numeric", month: "short", ...CLOCK },
  exactMoment: { day: "numeric", month: "short", ...CLOCK, second: "2-digit" },
};

// From fine to coarse: the approximate length, the pixels that a label needs, and the major mark above it.
const STEPS = [
  ...[1, 5, 10, 15, 30].map((n) => ({ seconds: n * MINUTE, room: 52, label: "clock", above: "day", minutes: n })),
  ...[1, 2, 3, 6, 12].map((n) => ({ seconds: n * HOUR, room: 52, label: "clock", above: "day", hours: n })),
  { seconds: DAY, room: 64, label: "day", above: "month", days: 1 },
  { seconds: DAY, room: 28, label: "dayNumber", above: "month", days: 1 },
  { seconds: 7 * DAY, room: 64, label: "day", above: "month", days: 7 },
  { seconds: 7 * DAY, room: 28, label: "dayNumber", above: "month", days: 7 },
  { seconds: 30 * DAY, room: 48, label: "month", above: "year", months: 1 },
  { seconds: 91 * DAY, room: 48, label: "month", above: "year", months: 3 },
  { seconds: 365 * DAY, room: 44, label: "year", above: null, months: 12 },
  { seconds: 1826 * DAY, room: 44, label: "year", above: null, months: 60 },
];
// The major labels, from long to short, by the room they need.
const ABOVE = {
  day: [
    { seconds: DAY, room: 220, label: "longDay", days: 1 },
    { seconds: DAY, room: 105, label: "midDay", days: 1 },
    { seconds: DAY, room: 0, label: "day", days: 1 },
  ],
  month: [
    { seconds: 30 * DAY, room: 130, label: "longMonth", months: 1 },
    { seconds: 30 * DAY, room: 76, label: "midMonth", months: 1 },
    { seconds: 30 * DAY, room: 0, label: "month", months: 1 },
  ],
  year: [{ seconds: 365 * DAY, room: 0, label: "year", months: 12 }],
};

/** The marks of [from, to) on that many pixels: {minor, major}, lists of {at, label}, plus one before `from`. */
export function ticks(calendar, from, to, width) {
  const perPixel = (to - from) / width;
  const fits = ({ seconds, room }) => seconds >= room * perPixel;
  const step = STEPS.find(fits) ?? STEPS.at(-1);
  const above = ABOVE[step.above]?.find(fits);
  return { minor: marks(calendar, step, from, to), major: above ? marks(calendar, above, from, to) : [] };
}

/** The weekends in [from, to), as [begin, end]. */
export function weekends(calendar, from, to) {
  const found = [];
  for (const { at } of marks(calendar, { days: 1 }, from - DAY, to)) {
    if (calendar.local(at).getUTCDay() !== 6) continue;
    const day = calendar.local(at);
    found.push([at, calendar.instant(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() + 2)]);
  }
  return found;
}

/** An instant as text, as precise as the pixels. */
export function moment(calendar, at, perPixel) {
  const name = perPixel < 20 ? "exactMoment" : "moment";
  return calendar.text(Math.floor(at), name, LABELS[name]);
}

function marks(calendar, step, from, to) {
  const found = [];
  for (const at of instants(calendar, step, from)) {
    if (at >= to) break;
    if (at === found.at(-1)?.at) continue; // an hour skipped by daylight saving time
    found.push({ at, label: step.label ? calendar.text(at, step.label, LABELS[step.label]) : "" });
  }
  return found;
}

function* instants(calendar, { minutes, hours, days, months }, from) {
  const local = calendar.local(from);
  const [year, month, day] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
  if (minutes) {
    const step = minutes * MINUTE;
    const offset = calendar.offset(from);
    for (let at = Math.floor((from + offset) / step) * step - offset; ; at += step) yield at;
  } else if (hours) {
    for (let hour = Math.floor(local.getUTCHours() / hours) * hours; ; hour += hours) {
      yield calendar.instant(year, month, day, hour);
    }
  } else if (days) {
    // Weeks begin on Monday.
    const back = days === 7 ? (local.getUTCDay() + 6) % 7 : 0;
    for (let each = day - back; ; each += days) yield calendar.instant(year, month, each);
  } else {
    const first = year * 12 + month;
    for (let each = Math.floor(first / months) * months; ; each += months) yield calendar.instant(Math.floor(each / 12), each % 12);
  }
}
