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

/**
 * The one choice of a period; the address keeps it as period, or as from and to (in site time).
 *
 * Attribute: `usual`, the default period. A page asks the API with `periodValue` of its own address.
 */
class StPeriod extends StElement {
  static properties = { usual: {}, custom: { state: true } };

  #state;

  constructor() {
    super();
    Object.assign(this, { usual: "7 days", custom: false });
  }

  connectedCallback() {
    this.#state ??= new UrlState(this, { period: this.usual, from: "", to: "" });
    super.connectedCallback();
  }

  render() {
    const { period, from, to } = this.#state.value;
    const isCustom = this.custom || Boolean(from && to);
    const choices = CHOICES.includes(period) ? CHOICES : [...CHOICES, period];
    return html`<div class="period">
      <label class="field">
        <span>${t("period.label")}</span>
        <select @change=${this.#choose}>
          ${choices.map(
            (each) => html`<option value=${each} ?selected=${!isCustom && each === period}>${label(each)}</option>`,
          )}
          <option value="custom" ?selected=${isCustom}>${t("period.custom")}</option>
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
    if (!this.custom) this.#state.set({ period: chosen, from: "", to: "" }, { clear: ["page"] });
  }

  #instants(event) {
    const { from, to } = event.currentTarget.elements;
    to.setCustomValidity(from.value && to.value && to.value <= from.value ? t("period.reversed") : "");
    if (!to.reportValidity() || !from.value || !to.value) return;
    this.#state.set({ from: from.value, to: to.value }, { clear: ["page", "period"] });
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

const day = (parts) => new Date(Date.UTC(...parts)).toISOString().slice(0, 10);

customElements.define("st-period", StPeriod);
