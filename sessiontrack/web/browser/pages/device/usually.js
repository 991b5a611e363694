// When a device is usually there, in words, from the shares of the hours of the week.
import { locale } from "#here";
import { t } from "#i18n";

const USUAL = 0.5; // of the times that an hour came up
/** Each hour of the week came up twice: of less, nothing is usual. */
export const ENOUGH_SECONDS = 14 * 86_400;
const JOINED = "\u2060"; // no line ends here
const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;
const weekday = new Intl.DateTimeFormat(locale, { timeZone: "UTC", weekday: "short" });
const GROUPS = [
  [0, 4],
  [5, 6],
];

/** "Mon–Fri 18–07, Sat–Sun all day"; "" if no hour is usual, or nothing is known. @param week 7 x 24 shares or null. */
export function usually(week) {
  const [working, weekend] = GROUPS.map(([first, last]) => hoursOf(week.slice(first, last + 1)));
  if (working === weekend) return working && t("devices.one.usual.daily", { hours: working });
  const parts = [working, weekend].flatMap((hours, index) => (hours ? [`${days(...GROUPS[index])} ${hours}`] : []));
  return parts.join(", ");
}

const days = (first, last) => [first, last].map((day) => weekday.format(MONDAY + day * DAY_MS)).join(`–${JOINED}`);

/** The hours at which it is there on most of these days: "18–07", "all day", or "". */
function hoursOf(week) {
  const usual = Array.from({ length: 24 }, (_, hour) => {
    const known = week.map((day) => day[hour]).filter((share) => share !== null);
    return known.length > 0 && known.reduce((sum, share) => sum + share, 0) / known.length >= USUAL;
  });
  if (usual.every(Boolean)) return t("devices.one.usual.all");
  const stretches = [];
  for (let hour = 0; hour < 24; hour += 1) {
    // A stretch over midnight is one, and is named by where it begins.
    if (!usual[hour] || usual[(hour + 23) % 24]) continue;
    let end = hour;
    while (usual[end % 24]) end += 1;
    stretches.push(`${two(hour)}–${JOINED}${two(end % 24)}`);
  }
  return stretches.join(", ");
}

const two = (hour) => String(hour).padStart(2, "0");
