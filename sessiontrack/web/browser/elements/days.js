// A grid of users by day: a row per user, a column per day, darker for longer.
import { html, nothing } from "lit";
import { formatNumber, t } from "#i18n";
import { formatSeconds } from "../time.js";
import { locale } from "#here";
import "./days.css";

const DAY_MS = 86_400_000;
const MOST_DAYS = 366;
const LEVELS = [1, 900, 1800, 3600]; // visible seconds from which a day is darker
// Calendar days have no zone: they are parsed and formatted as UTC.
const format = (options) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
const short = format({ day: "numeric", month: "short" });
const weekday = format({ weekday: "narrow" });
const full = format({ dateStyle: "full" });

/** @param rows as in the answer of session-days, at least one; days without sessions are shown too. */
export function dayTable(rows) {
  const days = daysOf(rows);
  const users = [...new Set(rows.map(({ username }) => username))];
  const cells = new Map(rows.map((row) => [`${row.day} ${row.username}`, row]));
  return html`<div class="card days">
    <p class="muted">${t("people.days.lead")}</p>
    <div class="table-scroll" role="region" aria-label=${t("people.days")} tabindex="0">
      <table>
        <caption class="unseen">
          ${t("people.days")}
        </caption>
        <thead>
          <tr>
            <th scope="col">${t("people.user")}</th>
            ${days.map((day) => html`<th scope="col"><span class="unseen">${full.format(day)}</span>${heading(day)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${users.map(
            (user) => html`<tr>
              <th scope="row">${user}</th>
              ${days.map((day) => cell(cells.get(`${isoOf(day)} ${user}`), day))}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </div>`;
}

const isoOf = (day) => new Date(day).toISOString().slice(0, 10);

function daysOf(rows) {
  const found = rows.map(({ day }) => Date.parse(day));
  const [first, last] = [found.reduce((a, b) => Math.min(a, b)), found.reduce((a, b) => Math.max(a, b))];
  const count = Math.min(MOST_DAYS, (last - first) / DAY_MS + 1);
  // The latest day first, so that it is visible without scrolling.
  return Array.from({ length: count }, (_, back) => last - back * DAY_MS);
}

const heading = (day) => html`<span aria-hidden="true" class="days-head">
  <small>${weekday.format(day)}</small>${short.format(day)}
</span>`;

function cell(row, day) {
  if (!row) return html`<td></td>`;
  const { sessions, visible_duration: seconds } = row;
  const time = formatSeconds(seconds);
  const said = t("people.days.cell", { count: sessions, time });
  return html`<td data-level=${LEVELS.filter((least) => seconds >= least).length} title=${`${full.format(day)}: ${said}`}>
    <span class="unseen">${said}</span>
    <span aria-hidden="true">${formatNumber(sessions)}<small>${seconds ? time.replace(/ .*/, "") : nothing}</small></span>
  </td>`;
}
