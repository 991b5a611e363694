import { html, nothing } from "lit";
import { get } from "../../client.js";
import { StElement } from "../../element.js";
import { badge, segments } from "../../elements/parts.js";
import "../../elements/copy.js";
import "../../elements/table.js";
import { command } from "#here";
import { t } from "#i18n";
import { UrlState } from "../../url-state.js";

const SOURCES = {
  default: "settings.source.default",
  file: "settings.source.file",
  environment: "settings.source.environment",
  "command line": "settings.source.command",
};

/** A badge with the source of a setting's value. */
export const sourceBadge = (source) =>
  badge(source === "default" ? "quiet" : "active", t(`${SOURCES[source] ?? "settings.source.default"}`));

/** How to change settings. */
export const howToChange = (file) => html`<p class="muted settings-note">
  <span>${t("settings.change")}</span>
  <code>${file}</code>
  <span>${t("settings.change.environment")}</span>
</p>`;

/** All settings, with their values and sources. */
class Configuration extends StElement {
  static properties = { file: { state: true } };

  #state = new UrlState(this, { changed: false });

  #columns = [
    { label: t("settings.name"), kind: "main", sort: "name", cell: nameCell },
    { label: t("settings.source"), kind: "state", sort: "source", cell: ({ source }) => sourceBadge(source) },
    { label: t("settings.value"), kind: "wide", cell: valueCell },
    { label: t("settings.meaning"), kind: "wide", cell: meaningCell },
  ];

  #load = async ({ search, sort, limit, offset, signal }) => {
    const { file, settings } = await get("/settings", { signal });
    this.file = file;
    const wanted = search.toLowerCase();
    const { changed } = this.#state.value;
    const found = settings.filter(
      (setting) =>
        (!changed || setting.source !== "default") &&
        [setting.name, setting.value ?? "", meaning(setting)].some((each) => each.toLowerCase().includes(wanted)),
    );
    if (sort) found.sort(by(sort.replace("-", ""), sort.startsWith("-") ? -1 : 1));
    return { rows: found.slice(offset, offset + limit), total: found.length };
  };

  render() {
    const { changed } = this.#state.value;
    return html`
      <st-table
        caption=${t("settings.configuration.caption")}
        file="settings"
        .columns=${this.#columns}
        .load=${this.#load}
        .filters=${this.#state.value}
        ?filtered=${changed}
        .controls=${segments({
          label: t("settings.configuration.filter"),
          value: changed,
          options: [
            { value: false, label: t("settings.configuration.all") },
            { value: true, label: t("settings.configuration.changed") },
          ],
          change: (chosen) => this.#state.set({ changed: chosen }, { clear: ["page"] }),
        })}
        @st-reset=${() => this.#state.set({ changed: false })}
      ></st-table>
      ${this.file ? howToChange(this.file) : nothing}
    `;
  }
}

const by = (name, way) => (one, other) => way * one[name].localeCompare(other[name]);

const meaning = ({ name }) => t(`meaning.${name}`);

// Allow a line break after each underscore.
const nameCell = ({ name }) => html`<strong class="mono">
  ${name.toLowerCase().split("_").map((part, n) => html`${n ? html`_<wbr />` : nothing}${part}`)}
</strong>`;

function valueCell({ value, default: usual, secret, source }) {
  if (secret) return html`<span class="muted">${t("settings.secret")}</span>`;
  if (value === "") return html`<span class="muted">${t("settings.nothing")}</span>`;
  const isOwn = source !== "default" && value !== usual;
  return html`<div class="setting-value">
    <code>${value}</code>${isOwn
      ? html`<small class="muted">${t("settings.instead", { value: usual || t("settings.nothing") })}</small>`
      : nothing}
  </div>`;
}

const meaningCell = (setting) => html`<span class="meaning">${meaning(setting)}</span>${copiedLine(setting)}`;

// To be filled in by the reader: a secret is not known here, and an empty value shows no example.
const PLACEHOLDER = "VALUE";
const quoted = (text) => (/^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The line that changes a setting where its value comes from. */
function lineOf({ name, value, source }) {
  const written = value ? quoted(value) : PLACEHOLDER;
  // The environment goes before the file, and the file is found through INSTANCE.
  const isVariable = source === "environment" || name === "INSTANCE";
  return isVariable ? `SESSIONTRACK_${name}=${written}` : `${command} settings set ${name} ${written}`;
}

/** That line, with a button that copies it. */
export function copiedLine(setting) {
  const line = lineOf(setting);
  return html`<span class="setting-line">
    <code>${line}</code><st-copy text=${line} label=${t("settings.line.copy", { name: setting.name })} short></st-copy>
  </span>`;
}

customElements.define("st-configuration", Configuration);
