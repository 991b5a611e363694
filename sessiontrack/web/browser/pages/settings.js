import { html } from "lit";
import { StElement } from "../element.js";
import { pageHeader, segments } from "../elements/parts.js";
import { t } from "#i18n";
import { UrlState } from "../url-state.js";
import "./settings/about.js";
import "./settings/backups.js";
import "./settings/configuration.js";
import "./settings/doctor.js";
import "./settings/retention.js";
import "./settings/tokens.js";
import "./settings/users.js";
import "./settings.css";

const SECTIONS = {
  users: () => html`<st-users></st-users>`,
  tokens: () => html`<st-tokens></st-tokens>`,
  retention: () => html`<st-retention></st-retention>`,
  configuration: () => html`<st-configuration></st-configuration>`,
  backups: () => html`<st-backups></st-backups>`,
  doctor: () => html`<st-doctor></st-doctor>`,
  about: () => html`<st-about></st-about>`,
};
const TIMED = ["users", "tokens", "backups"];
// One section's parameters have no meaning in another section.
const OF_A_SECTION = ["q", "sort", "page", "size", "changed"];

/** Users, tokens, retention, configuration, backups, what the doctor says, and what runs here. */
class SettingsPage extends StElement {
  #state = new UrlState(this, { section: "users" });

  render() {
    const { section: asked } = this.#state.value;
    const section = asked in SECTIONS ? asked : "users";
    return html`
      ${pageHeader({ title: t("nav.settings"), lead: t(`settings.${section}.lead`), times: TIMED.includes(section) })}
      <div class="settings-sections">
        ${segments({
          label: t("settings.sections"),
          value: section,
          options: Object.keys(SECTIONS).map((value) => ({ value, label: t(`settings.section.${value}`) })),
          change: (chosen) => this.#state.set({ section: chosen }, { clear: OF_A_SECTION }),
        })}
      </div>
      ${SECTIONS[section]()}
    `;
  }
}

customElements.define("st-page-settings", SettingsPage);
