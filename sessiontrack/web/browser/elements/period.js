import { html, nothing } from "lit";
import { StElement } from "../element.js";
import { t } from "#i18n";
import { UrlState } from "../url-state.js";

const CHOICES = ["1 hour", "24 hours", "7 days", "30 days", "1 year", "all"];

/**
 * A choice of period; the address keeps it as period, or as from and to (days, in site time).
 *
 * Attributes: `usual`, the default period; `no-custom`, offer only periods up to now. Property `choices`: other
 * periods to offer, each with a text `period.<choice>`. The page reads `value`, {period} or {start, end}; the event
 * `st-change` reports a change.
 */
class StPeriod extends StElement {
  static properties = { usual: {}, noCustom: { type: Boolean, attribute: "no-custom" }, choices: { attribute: false }, custom: { state: true } };

  #state;
  #told;

  constructor() {
    super();
    Object.assign(this, { usual: "7 days", noCustom: false, choices: CHOICES, custom: false });
  }

  connectedCallback() {
    this.#state ??= new UrlState(this, { period: this.usual, from: "", to: "" });
    super.connectedCallback();
  }

  get value() {
    return periodValue(this.#state.value);
  }

  updated() {
    const told = JSON.stringify(this.value);
    if (this.#told !== undefined && this.#told !== told) this.dispatchEvent(new Event("st-change", { bubbles: true }));
    this.#told = told;
  }

  render() {
    const { period, from, to } = this.#state.value;
    const isCustom = !this.noCustom && (this.custom || Boolean(from && to));
    const choices = this.choices.includes(period) ? this.choices : [...this.choices, period];
    return html`<div class="period">
      <label class="field">
        <span>${t("period.label")}</span>
        <select @change=${this.#choose}>
          ${choices.map(
            (each) => html`<option value=${each} ?selected=${!isCustom && each === period}>${this.#label(each)}</option>`,
          )}
          ${this.noCustom ? nothing : html`<option value="custom" ?selected=${isCustom}>${t("period.custom")}</option>`}
        </select>
      </label>
      ${isCustom
        ? html`<form class="period" @change=${this.#dates}>
            <label class="field"><span>${t("period.from")}</span><input type="date" name="from" .value=${from} /></label>
            <label class="field"><span>${t("period.to")}</span><input type="date" name="to" .value=${to} /></label>
          </form>`
        : nothing}
    </div>`;
  }

  #label(choice) {
    return this.choices.includes(choice) ? t(`period.${choice}`) : choice;
  }

  #choose(event) {
    const chosen = event.target.value;
    this.custom = chosen === "custom";
    if (!this.custom) this.#state.set({ period: chosen, from: "", to: "" }, { clear: ["page"] });
  }

  #dates(event) {
    const { from, to } = event.currentTarget.elements;
    to.setCustomValidity(from.value && to.value && to.value < from.value ? t("period.reversed") : "");
    if (!to.reportValidity() || !from.value || !to.value) return;
    this.#state.set({ from: from.value, to: to.value }, { clear: ["page", "period"] });
  }
}

/** The period of an address, as parameters of the API. */
export const periodValue = ({ period, from, to }) => (from && to ? { start: from, end: to } : { period });

customElements.define("st-period", StPeriod);
