import { html, nothing } from "lit";
import { get, getList, queryOf } from "../client.js";
import { StElement } from "../element.js";
import { badge, deviceName, emptyState, pageHeader, segments, statusBadge } from "../elements/parts.js";
import "../elements/table.js";
import { address, command, cookie, mayWrite, remember } from "#here";
import { t } from "#i18n";
import { icon } from "../icons.js";
import { instant } from "../time.js";
import { Live, ofDevices } from "../live.js";
import { UrlState } from "../url-state.js";
import { tagList, textLabel, TEXTS, typeIcon } from "./device/kinds.js";
import { addDevice, editSeveral, mergeSeveral } from "./devices/bulk.js";
import "./devices.css";

const STATUSES = ["all", "connected", "disconnected", "down", "new", "flapping", "archived"];
const CHOSEN = "sessiontrack_device_columns";

/** The columns beside name and status; `usual` ones are shown unless the reader chooses otherwise. */
const COLUMNS = {
  owner: { label: t("devices.owner"), sort: "owner", cell: ({ owner }) => owner, usual: true },
  tags: { label: t("devices.tags"), cell: ({ tags }) => tagList(tags), usual: true },
  ip: { label: t("devices.ip"), sort: "ip", kind: "mono", cell: ({ ip }) => ip, usual: true },
  mac: { label: t("devices.mac"), sort: "mac", kind: "mono", cell: ({ mac }) => mac, usual: true },
  vendor: { label: t("devices.one.vendor"), sort: "vendor", cell: ({ vendor }) => vendor },
  ...Object.fromEntries(TEXTS.map(({ name }) => [name, { label: textLabel(name), kind: "wide", cell: (device) => device[name] }])),
  first_seen: { label: t("devices.first_seen"), sort: "first_seen", kind: "number", cell: ({ first_seen: at }) => instant(at), usual: true },
  last_seen: { label: t("devices.last_seen"), sort: "last_seen", kind: "number", isBeside: true, cell: lastSeenCell, usual: true },
};
// In a narrow window the first of these that is shown leaves first; from the fourth on they leave together, and none is
// on a phone.
const LEAVING = ["mac", "first_seen", "vendor", ...TEXTS.map(({ name }) => name), "tags", "owner", "ip"];
const USUAL = Object.keys(COLUMNS).filter((name) => COLUMNS[name].usual);

/** The inventory: devices by status and tag, some of them edited at once. */
class DevicesPage extends StElement {
  static properties = { totals: { state: true }, tags: { state: true }, chosen: { state: true }, selected: { state: true }, isSelecting: { state: true } };

  #state = new UrlState(this, { status: "all", tag: "", q: "", sort: "name" });
  #following = new Live(this, ofDevices, () => this.querySelector("st-table")?.refresh());
  #rows = [];

  constructor() {
    super();
    const known = cookie(CHOSEN);
    const chosen = known ? known.split(" ").filter((name) => name in COLUMNS) : USUAL;
    Object.assign(this, { tags: [], chosen, selected: new Map(), isSelecting: false });
  }

  #load = async ({ search, sort, limit, offset, signal }) => {
    const { status, tag } = this.#state.value;
    const [list, totals, { tags }] = await Promise.all([
      getList("/devices", { params: { status, tag, search, sort, limit, offset }, signal }),
      get("/devices/totals", { params: { format: "named" }, signal }),
      get("/devices/tags", { signal }),
    ]);
    this.#rows = list.data.devices;
    Object.assign(this, { totals, tags });
    return { rows: list.data.devices, total: list.total };
  };

  #columns() {
    const leaving = LEAVING.filter((name) => this.chosen.includes(name));
    const shown = Object.keys(COLUMNS).filter((name) => this.chosen.includes(name));
    return [
      { label: t("devices.name"), sort: "name", kind: "main", cell: (device) => this.#nameCell(device) },
      { label: t("devices.status"), sort: "status", kind: "state", cell: statusCell },
      ...shown.map((name) => ({ ...COLUMNS[name], leaves: Math.min(4, leaving.indexOf(name) + 1) || undefined })),
    ];
  }

  #nameCell(device) {
    const { name, mac, type, vendor, randomized, info } = device;
    // Of what was said within its latest session, the last: who is there now.
    const hint = (name ? "" : info.split("; ").at(-1)) || (randomized ? t("devices.randomized") : vendor);
    const select = ({ target }) => this.#select(target.checked ? [device] : [], target.checked ? [] : [device]);
    const box = html`<label class="devices-select">
      <input
        type="checkbox"
        aria-label=${t("devices.select", { name: name || mac })}
        .checked=${this.selected.has(mac)}
        @change=${select}
      />
    </label>`;
    return html`<div class="devices-name">
      ${mayWrite ? box : nothing}
      <div>
        <a href=${address(`/ui/devices/${mac}`)}><strong>${deviceName({ mac, name })}</strong></a> ${typeIcon(type)}
        ${hint ? html`<small class="muted">${hint}</small>` : nothing}
      </div>
    </div>`;
  }

  #select(more, less) {
    const selected = new Map(this.selected);
    for (const each of more) selected.set(each.mac, each);
    for (const { mac } of less) selected.delete(mac);
    this.selected = selected;
  }

  render() {
    const { status, tag } = this.#state.value;
    return html`
      ${pageHeader({ title: t("nav.devices"), lead: t("devices.lead"), actions: this.#actions() })}
      ${this.selected.size ? this.#bulk() : nothing}
      <st-table
        caption=${t("devices.caption")}
        sort="name"
        .columns=${this.#columns()}
        .load=${this.#load}
        .keyOf=${({ mac }) => mac}
        .filters=${{ status, tag }}
        ?filtered=${status !== "all" || tag !== ""}
        .empty=${this.#empty()}
        .elsewhere=${this.#elsewhere}
        .controls=${html`${segments({
          label: t("devices.filter"),
          value: status,
          options: STATUSES.map((each) => ({ value: each, label: t(`devices.filter.${each}`), count: this.totals?.[each] })),
          change: (chosen) => this.#state.set({ status: chosen }, { clear: ["page"] }),
        })}
        ${this.tags.length || tag ? this.#tagChoice(tag) : nothing}`}
        @st-reset=${() => this.#state.set({ status: "all", tag: "" })}
      ></st-table>
    `;
  }

  #tagChoice(tag) {
    const names = this.tags.map((each) => each.tag);
    const all = !tag || names.includes(tag) ? this.tags : [...this.tags, { tag, devices: 0 }];
    return html`<label class="devices-tag">
      <span>${t("devices.tag")}</span>
      <select @change=${(event) => this.#state.set({ tag: event.target.value }, { clear: ["page"] })}>
        <option value="" ?selected=${!tag}>${t("devices.tag.any")}</option>
        ${all.map((each) => html`<option value=${each.tag} ?selected=${each.tag === tag}>${each.tag} (${each.devices})</option>`)}
      </select>
    </label>`;
  }

  #actions() {
    const { status, tag, q: search, sort } = this.#state.value;
    const href = address("/devices/list.csv") + queryOf({ status, tag, search, sort });
    return html`<details class="devices-columns" @keydown=${closeOnEscape}>
        <summary class="button">${t("devices.columns")}${icon("down")}</summary>
        <form class="menu-panel" @change=${(event) => this.#choose(event)}>
          ${Object.entries(COLUMNS).map(
            ([name, { label }]) => html`<label>
              <input type="checkbox" name="column" value=${name} .checked=${this.chosen.includes(name)} /><span>${label}</span>
            </label>`,
          )}
        </form>
      </details>
      <a class="button" href=${href} download>${icon("download")}CSV</a>
      ${mayWrite
        ? html`<button type="button" class="button devices-several" aria-pressed=${this.isSelecting ? "true" : "false"} @click=${() => this.#turn()}>
              ${t("devices.several")}
            </button>
            <button type="button" class="button primary" @click=${() => this.#changed(addDevice())}>${icon("plus")}${t("devices.add")}</button>`
        : nothing}`;
  }

  /** On a phone: rows select, or lead to their devices. */
  #turn() {
    this.isSelecting = !this.isSelecting;
    this.classList.toggle("is-selecting", this.isSelecting);
    if (!this.isSelecting) this.selected = new Map();
  }

  #choose(event) {
    this.chosen = new FormData(event.currentTarget).getAll("column");
    remember(CHOSEN, this.chosen.length ? this.chosen.join(" ") : "none");
  }

  #bulk() {
    const devices = [...this.selected.values()];
    const button = (text, does) => html`<button type="button" class="button" @click=${does}>${text}</button>`;
    return html`<section class="card devices-bulk" aria-label=${t("devices.bulk")}>
      <p role="status">${t("devices.bulk.count", { count: devices.length })}</p>
      ${button(t("devices.bulk.all"), () => this.#select(this.#rows, []))}
      ${button(t("devices.one.edit"), () => this.#changed(editSeveral(devices)))}
      ${devices.length > 1 ? button(t("devices.one.merge"), () => this.#changed(mergeSeveral(devices))) : nothing}
      ${button(t("devices.bulk.none"), () => (this.selected = new Map()))}
    </section>`;
  }

  async #changed(change) {
    if (!(await change)) return;
    this.selected = new Map();
    this.querySelector("st-table").reload();
  }

  #elsewhere = (q) => {
    const link = (path, asked, text) => html`<a class="button" href=${address(path) + queryOf({ ...asked, q })}>${text}</a>`;
    return html`${link("/ui/events", { type: "sessions", period: "all" }, t("devices.elsewhere.sessions"))}
    ${this.#state.value.status === "archived" ? nothing : link("/ui/devices", { status: "archived" }, t("devices.elsewhere.archived"))}`;
  };

  #empty() {
    return emptyState({
      sign: "devices",
      title: t("devices.empty"),
      text: t("devices.empty.text"),
      action: html`<code>${command} scan network --every 60s</code>`,
    });
  }
}

function closeOnEscape(event) {
  if (event.key !== "Escape") return;
  event.currentTarget.open = false;
  event.currentTarget.querySelector("summary").focus();
}

function statusCell(device) {
  return html`${statusBadge(device.status)}
  ${device.new ? badge("active", t("devices.new")) : nothing}
  ${device.flapping ? badge("warning", t("devices.flapping")) : nothing}`;
}

function lastSeenCell({ connected, last_seen: at }) {
  return connected ? t("devices.now") : instant(at);
}

customElements.define("st-page-devices", DevicesPage);
