import { html } from "lit";
import { get } from "../../client.js";
import { StElement } from "../../element.js";
import { failure } from "../../elements/parts.js";
import { command, locale } from "#here";
import { t } from "#i18n";
import { copiedLine, howToChange, sourceBadge } from "./configuration.js";

// In display order, with the texts for values that are neither a period nor a size.
const SHOWN = {
  RETENTION_DEVICE_SESSIONS: { all: "settings.retention.ever" },
  RETENTION_EVENTS: { all: "settings.retention.ever" },
  RETENTION_USER_SESSIONS: { all: "settings.retention.ever" },
  RETENTION_MAX_BYTES: { 0: "settings.retention.unlimited" },
  PRUNE_EVERY: { never: "settings.retention.never" },
};

const LENGTH = /^(\d+) (second|minute|hour|day|week|month|year)s?$/;

/** "90 days" in the page's language. */
function said(value) {
  const [, count, unit] = LENGTH.exec(value) ?? [];
  return unit ? new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(count) : value;
}

/** How long history is kept. */
class Retention extends StElement {
  static properties = { found: { state: true }, error: { state: true } };

  connectedCallback() {
    super.connectedCallback();
    this.#load();
  }

  async #load() {
    this.error = undefined;
    try {
      this.found = await get("/settings");
    } catch (error) {
      this.error = error;
    }
  }

  render() {
    if (this.error) return html`<div class="card">${failure(this.error, () => this.#load())}</div>`;
    if (!this.found) return html`<div class="card skeleton" aria-busy="true"><div></div><div></div><div></div></div>`;
    const settings = Object.fromEntries(this.found.settings.map((each) => [each.name, each]));
    const shown = Object.keys(SHOWN).filter((name) => name in settings);
    return html`<dl class="card facts-list">
        ${shown.map((name) => this.#fact(settings[name]))}
      </dl>
      ${howToChange(this.found.file)}
      <p class="muted settings-note">
        <span>${t("settings.retention.try")}</span> <code>${command} prune --dry-run</code>
      </p>`;
  }

  #fact(setting) {
    const { name, value, source } = setting;
    const special = SHOWN[name][value];
    return html`<div>
      <dt>
        <strong>${t(`settings.retention.${name}`)}</strong><small class="muted">${t(`settings.retention.${name}.text`)}</small>
      </dt>
      <dd>
        <span>${special ? t(`${special}`) : said(value)}</span> ${sourceBadge(source)}
        ${copiedLine(setting)}
      </dd>
    </div>`;
  }
}

customElements.define("st-retention", Retention);
