import { html } from "lit";
import { get } from "../../client.js";
import { StElement } from "../../element.js";
import { badge, failure } from "../../elements/parts.js";
import { command } from "#here";
import { t } from "#i18n";
import { icon } from "../../icons.js";
import { weekdayInstant } from "../../time.js";

const KINDS = { ok: "plain", warning: "warning", wrong: "danger" };
// What is not right comes first.
const ORDER = Object.keys(KINDS).reverse();

// Those of a finding's values that are instants.
const INSTANTS = ["time", "since", "until"];

/** The values as the page writes them. */
const written = (values) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, INSTANTS.includes(name) ? weekdayInstant(value) : value]));

/** What `sessiontrack doctor --fast` says of this install. */
class Doctor extends StElement {
  static properties = { found: { state: true }, error: { state: true }, busy: { state: true } };

  connectedCallback() {
    super.connectedCallback();
    this.#look();
  }

  async #look() {
    this.busy = true;
    this.error = undefined;
    try {
      this.found = await get("/doctor");
    } catch (error) {
      this.error = error;
    }
    this.busy = false;
  }

  render() {
    if (this.error) return html`<div class="card">${failure(this.error, () => this.#look())}</div>`;
    if (!this.found) return html`<div class="card skeleton" aria-busy="true"><div></div><div></div><div></div></div>`;
    const { state, checks } = this.found;
    const sorted = checks.toSorted((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state));
    return html`<section class="card findings" aria-busy=${this.busy ? "true" : "false"}>
        <div class="findings-head">
          <h2 aria-live="polite">${t(`settings.doctor.${state}`)}</h2>
          <button type="button" class="button" ?disabled=${this.busy} @click=${() => this.#look()}>
            ${icon("refresh")}${t("settings.doctor.again")}
          </button>
        </div>
        <dl>
          ${sorted.map(
            (each) => html`<div>
              <dt>${badge(KINDS[each.state], t(`settings.doctor.state.${each.state}`))} <strong>${t(`doctor.name.${each.name}`)}</strong></dt>
              <dd>${t(`doctor.${each.code}`, written(each.values))}</dd>
            </div>`,
          )}
        </dl>
      </section>
      <p class="muted settings-note">
        <span>${t("settings.doctor.more")}</span> <code>${command} doctor</code>
      </p>`;
  }
}

customElements.define("st-doctor", Doctor);
