import { html, nothing } from "lit";
import { formatNumber, t } from "#i18n";
import { locale } from "#here";
import { StElement } from "../element.js";
import { formatSeconds } from "../time.js";
import "./days.css";

const DAY_MS = 86_400_000;
const MOST_DAYS = 366;
const WIDTH = 60; // CSS pixels of a day, as in days.css
const STEP = 8; // days by which the drawn part moves
const LEVELS = [1, 900, 1800, 3600]; // visible seconds from which a day is darker
// Calendar days have no zone: they are parsed and formatted as UTC.
const format = (options) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
const short = format({ day: "numeric", month: "short" });
const weekday = format({ weekday: "narrow" });
const full = format({ dateStyle: "full" });

/**
 * A grid of users by day: a row per user, a column per day, the latest first, darker for longer. Only the days in
 * sight are in the document: a year of a page of users would be tens of thousands of cells.
 *
 * Property rows: as in the answer of session-days, at least one; days without sessions are shown too.
 * Event st-pick, with detail {user, day}: a name, a day (YYYY-MM-DD), or a cell, both, was pressed.
 */
class StDays extends StElement {
  static properties = { rows: { attribute: false }, first: { state: true }, count: { state: true } };

  #days = [];
  #cells = new Map();
  #resized = new ResizeObserver(() => this.#look());

  constructor() {
    super();
    Object.assign(this, { rows: [], first: 0, count: 4 * STEP });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resized.disconnect();
  }

  firstUpdated() {
    this.#resized.observe(this.querySelector(".table-scroll"));
  }

  willUpdate(changed) {
    if (!changed.has("rows")) return;
    this.#days = daysOf(this.rows);
    this.#cells = new Map();
    for (const row of this.rows) {
      if (!this.#cells.has(row.username)) this.#cells.set(row.username, new Map());
      this.#cells.get(row.username).set(Date.parse(row.day), row);
    }
  }

  /** Which days are in sight, with some at each side. */
  #look() {
    const { scrollLeft, clientWidth } = this.querySelector(".table-scroll");
    this.first = Math.max(0, Math.floor(scrollLeft / WIDTH / STEP) - 1) * STEP;
    this.count = (Math.ceil(clientWidth / WIDTH / STEP) + 3) * STEP;
  }

  #pick(detail) {
    this.dispatchEvent(new CustomEvent("st-pick", { detail }));
  }

  render() {
    const shown = this.#days.slice(this.first, this.first + this.count);
    const after = this.#days.length - this.first - shown.length;
    const all = (cells) => html`${gap(this.first)}${cells}${gap(after)}`;
    return html`<p class="muted">${t("people.days.lead")}</p>
      <div class="table-scroll" role="region" aria-label=${t("people.days")} tabindex="0" @scroll=${() => this.#look()}>
        <table aria-colcount=${this.#days.length + 1}>
          <caption class="unseen">
            ${t("people.days")}
          </caption>
          <thead>
            <tr>
              <th scope="col" aria-colindex="1">${t("people.user")}</th>
              ${all(shown.map((day, n) => heading(day, this.first + n, () => this.#pick({ day: iso(day) }))))}
            </tr>
          </thead>
          <tbody>
            ${[...this.#cells].map(
              ([user, own]) => html`<tr>
                <th scope="row" aria-colindex="1">
                  <button type="button" @click=${() => this.#pick({ user })}>${user}</button>
                </th>
                ${all(shown.map((day, n) => cell(own.get(day), day, this.first + n, () => this.#pick({ user, day: iso(day) }))))}
              </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }
}

function daysOf(rows) {
  const found = rows.map(({ day }) => Date.parse(day));
  const [first, last] = [found.reduce((a, b) => Math.min(a, b)), found.reduce((a, b) => Math.max(a, b))];
  const count = Math.min(MOST_DAYS, (last - first) / DAY_MS + 1);
  return Array.from({ length: count }, (_, back) => last - back * DAY_MS);
}

/** The room of days that are not in the document. */
const gap = (days) => (days > 0 ? html`<td aria-hidden="true" .style=${`min-width: ${days * WIDTH}px`}></td>` : nothing);

/** YYYY-MM-DD of a day. */
const iso = (day) => new Date(day).toISOString().slice(0, 10);

const heading = (day, index, pick) => html`<th scope="col" aria-colindex=${index + 2}>
  <button type="button" @click=${pick}>
    <span class="unseen">${full.format(day)}</span>
    <span aria-hidden="true" class="days-head"><small>${weekday.format(day)}</small>${short.format(day)}</span>
  </button>
</th>`;

function cell(row, day, index, pick) {
  if (!row) return html`<td aria-colindex=${index + 2}></td>`;
  const { sessions, visible_duration: seconds } = row;
  const time = formatSeconds(seconds);
  const said = t("people.days.cell", { count: sessions, time });
  return html`<td
    aria-colindex=${index + 2}
    data-level=${LEVELS.filter((least) => seconds >= least).length}
    title=${`${full.format(day)}: ${said}`}
    @click=${pick}
  >
    <span class="unseen">${said}</span>
    <span aria-hidden="true">${formatNumber(sessions)}<small>${seconds ? time.replace(/ .*/, "") : nothing}</small></span>
  </td>`;
}

customElements.define("st-days", StDays);
