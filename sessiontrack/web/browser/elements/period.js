import { html, nothing } from "lit";
import { StElement } from "../element.js";
import { locale } from "#here";
import { t } from "#i18n";
import { zone } from "../time.js";
import { Calendar } from "../timeline/calendar.js";
import { UrlState } from "../url-state.js";

const LENGTHS = ["24 hours", "7 days", "30 days", "365 days", "all"];
const calendar = new Calendar(zone, locale);

/** Days of the site's calendar by name: from and to, the first and the last day as [year, month, day of today] make them. */
const NAMED = {
  today: (y, m, d) => [[y, m, d], [y, m, d]],
  yesterday: (y, m, d) => [[y, m, d - 1], [y, m, d - 1]],
  "this week": (y, m, d, back) => [[y, m, d - back], [y, m, d - back + 6]],
  "last week": (y, m, d, back) => [[y, m, d - back - 7], [y, m, d - back - 1]],
  "this month": (y, m) => [[y, m, 1], [y, m + 1, 0]],
  "last month": (y, m) => [[y, m - 1, 1], [y, m, 0]],
};
const CHOICES = [...Object.keys(NAMED), ...LENGTHS];
const DAY_SECONDS = 86_400;

/**
 * The one choice of a period; the address keeps it as period, or as from and to (in site time).
 *
 * Attributes: `usual`, the default period; `bounded`, without "all". A page asks the API with `periodValue` of its own
 * address. Properties: `current`, what is shown as chosen in place of the address, a period or a text; `clears`, the
 * names in the address that a choice takes away.
 */
class StPeriod extends StElement {
  static properties = { usual: {}, bounded: { type: Boolean }, current: {}, clears: { attribute: false }, custom: { state: true } };

  #state;

  constructor() {
    super();
    Object.assign(this, { usual: "7 days", bounded: false, current: "", clears: [], custom: false });
  }

  connectedCallback() {
    this.#state ??= new UrlState(this, { period: this.usual, from: "", to: "" });
    super.connectedCallback();
  }

  render() {
    const { from, to } = this.#state.value;
    const period = this.current || this.#state.value.period;
    const isCustom = this.custom || Boolean(from && to);
    const usual = this.bounded ? CHOICES.filter((each) => each !== "all") : CHOICES;
    const choices = usual.includes(period) ? usual : [...usual, period];
    return html`<div class="period">
      <label class="field">
        <span>${t("period.label")}</span>
        <select @change=${this.#choose}>
          ${choices.map(
            (each) => html`<option value=${each} .selected=${!isCustom && each === period}>${label(each)}</option>`,
          )}
          <option value="custom" .selected=${isCustom}>${t("period.custom")}</option>
        </select>
      </label>
      ${isCustom
        ? html`<form class="period" @change=${this.#instants} @submit=${(event) => event.preventDefault()}>
            ${instantField("from", clock(from, "00:00"))} ${instantField("to", clock(to, "23:59"))}
          </form>`
        : nothing}
    </div>`;
  }

  #choose(event) {
    const chosen = event.target.value;
    this.custom = chosen === "custom";
    if (!this.custom) this.#state.set({ period: chosen, from: "", to: "" }, { clear: ["page", ...this.clears] });
  }

  #instants(event) {
    const { from, to } = event.currentTarget.elements;
    to.setCustomValidity(from.value && to.value && to.value <= from.value ? t("period.reversed") : "");
    if (!to.reportValidity() || !from.value || !to.value) return;
    this.#state.set({ from: from.value, to: to.value }, { clear: ["page", "period", ...this.clears] });
  }
}

const label = (choice) => (CHOICES.includes(choice) ? t(`period.${choice}`) : choice);

const instantField = (name, value) =>
  html`<label class="field"><span>${t(`period.${name}`)}</span><input type="datetime-local" name=${name} .value=${value} /></label>`;

/** The text of an address for a field that takes a time: a day alone is whole. */
const clock = (text, time) => (/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T${time}` : text);

/** The period of an address, as parameters of the API: {period} or {start, end}. */
export function periodValue({ period, from, to }, now = Date.now() / 1000) {
  if (from && to) return { start: from, end: to };
  if (!NAMED[period]) return { period };
  const today = calendar.local(now);
  const back = (today.getUTCDay() + 6) % 7; // weeks begin on Monday
  const [start, end] = NAMED[period](today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate(), back);
  return { start: day(start), end: day(end) };
}

/** The same as instants, [from, to) in epoch seconds; null for a length of time, which ends now. */
export function periodInstants(chosen, now = Date.now() / 1000) {
  const { start, end } = periodValue(chosen, now);
  if (!start) return null;
  const found = { from: atSite(start), to: end.length === DAY_LENGTH ? atSite(end, 1) : atSite(end) };
  return found.to > found.from ? found : null;
}

/** The seconds of a length of time; undefined for another period. */
export function lengthOf(period) {
  const [count, unit] = period.split(" ");
  if (!LENGTHS.includes(period) || period === "all") return undefined;
  return Number(count) * (unit === "hours" ? 3600 : DAY_SECONDS);
}

const DAY_LENGTH = "2026-01-31".length;

/** The instant of a time at the site, or of a day's beginning, so many days later; NaN if it is none. */
function atSite(text, days = 0) {
  const [year, month, number, hour = 0, minute = 0] = text.split(/[-T:]/).map(Number);
  return calendar.instant(year, month - 1, number + days, hour) + minute * 60;
}

const day = (parts) => new Date(Date.UTC(...parts)).toISOString().slice(0, 10);

customElements.define("st-period", StPeriod);
