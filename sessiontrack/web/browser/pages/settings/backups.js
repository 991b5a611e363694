import { html, nothing } from "lit";
import { get, send, signIn } from "../../client.js";
import { StElement } from "../../element.js";
import "../../elements/copy.js";
import { ask } from "../../elements/dialog.js";
import { emptyState } from "../../elements/parts.js";
import { toast } from "../../elements/toast.js";
import "../../elements/table.js";
import { address, command, isProxied, locale, user } from "#here";
import { t } from "#i18n";
import { icon } from "../../icons.js";
import { instant } from "../../time.js";

const AGAIN_MS = 1000;
const UNAUTHORIZED = 401;
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Backups on the server: made now, listed, downloaded after the password was entered again. */
class Backups extends StElement {
  static properties = { found: { state: true }, running: { state: true } };

  #timer;

  #columns = [
    { label: t("settings.backups.name"), kind: "main", cell: ({ name }) => html`<strong class="mono">${name}</strong>` },
    { label: t("settings.backups.made"), kind: "number", isBeside: true, cell: ({ made_at: at }) => instant(at) },
    { label: t("settings.backups.size"), kind: "number", leaves: 5, cell: ({ size_bytes: bytes }) => size(bytes) },
    ...(isProxied ? [] : [{ label: t("settings.actions"), kind: "wide", isAction: true, cell: (backup) => this.#actions(backup) }]),
  ];

  #load = async ({ limit, offset, signal }) => {
    this.found = await get("/backups", { signal });
    this.#watch(this.found);
    const { backups } = this.found;
    return { rows: backups.slice(offset, offset + limit), total: backups.length };
  };

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  render() {
    const { folder, keep, failure } = this.found ?? {};
    return html`
      ${failure && !this.running
        ? html`<p class="notice" data-kind="error" role="alert">
            ${icon("warning")}<span>${t("settings.backups.failed")} <span lang="en">${failure}</span></span>
          </p>`
        : nothing}
      <st-table
        caption=${t("settings.backups.caption")}
        file="backups"
        no-search
        .columns=${this.#columns}
        .load=${this.#load}
        .empty=${emptyState({ sign: "download", title: t("settings.backups.empty"), text: t("settings.backups.empty.text") })}
        .controls=${html`<button type="button" class="button primary" ?disabled=${this.running} @click=${() => this.#start()}>
          ${icon("plus")}${t(this.running ? "settings.backups.running" : "settings.backups.start")}
        </button>`}
      ></st-table>
      ${folder
        ? html`<p class="muted settings-note"><span>${t("settings.backups.folder", { count: keep })}</span> <code>${folder}</code></p>
            <p class="muted settings-note"><span>${t("settings.backups.restore")}</span> <code>${command} restore FILE</code></p>`
        : nothing}
    `;
  }

  #actions({ name }) {
    return html`<div class="row-actions">
      <button type="button" class="button quiet" aria-label=${t("settings.backups.download.of", { name })} @click=${() => this.#download(name)}>
        ${icon("download")}${t("settings.backups.download")}
      </button>
    </div>`;
  }

  async #start() {
    this.running = true;
    try {
      await send("POST", "/backups");
      this.querySelector("st-table").refresh();
    } catch (error) {
      this.running = false;
      toast(error.message, "error");
    }
  }

  /** While one is being made, look again. */
  #watch({ running, failure }) {
    clearTimeout(this.#timer);
    if (running) this.#timer = setTimeout(() => this.querySelector("st-table")?.refresh(), AGAIN_MS);
    else if (this.running && !failure) toast(t("settings.backups.done"));
    this.running = running;
  }

  /** The file holds all password hashes: the server gives it to a login of the last minutes only. */
  async #download(name) {
    const isSure = await ask({
      title: t("settings.backups.download.of", { name }),
      body: html`<p>${t("settings.backups.download.text")}</p>
        <input type="hidden" name="username" autocomplete="username" value=${user} />
        <label class="field">
          <span>${t("settings.backups.password")}</span>
          <input name="password" type="password" autocomplete="current-password" maxlength="1024" required />
        </label>`,
      action: t("settings.backups.download"),
      submit: ({ password }) => signIn(user, password).then(() => true),
      explain: (error) => (error.status === UNAUTHORIZED ? { password: t("settings.backups.wrong") } : error.message),
    });
    if (isSure) location.assign(address(`/backups/${name}`));
  }
}

/** Bytes in a unit that leaves few digits. */
function size(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const options = { style: "unit", unit: UNITS[power], unitDisplay: power ? "short" : "long", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(locale, options).format(bytes / 1000 ** power);
}

customElements.define("st-backups", Backups);
