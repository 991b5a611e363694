import { html, nothing } from "lit";
import { get, getList } from "../client.js";
import { StElement } from "../element.js";
import { badge, emptyState, pageHeader, segments, statusBadge } from "../elements/parts.js";
import "../elements/table.js";
import { address } from "#here";
import { t } from "#i18n";
import { instant } from "../time.js";
import { Live, ofDevices } from "../live.js";
import { UrlState } from "../url-state.js";

const STATUSES = ["all", "connected", "disconnected", "down", "new", "flapping", "archived"];

/** The list of devices, by status. */
class DevicesPage extends StElement {
  static properties = { totals: { state: true } };

  #state = new UrlState(this, { status: "all" });
  #following = new Live(this, ofDevices, () => this.querySelector("st-table")?.refresh());

  #columns = [
    { label: t("devices.name"), sort: "name", kind: "main", cell: nameCell },
    { label: t("devices.status"), sort: "status", kind: "state", cell: statusCell },
    { label: t("devices.owner"), sort: "owner", leaves: 3, cell: ({ owner }) => owner },
    { label: t("devices.ip"), sort: "ip", kind: "mono", leaves: 4, cell: ({ ip }) => ip },
    { label: t("devices.mac"), sort: "mac", kind: "mono", leaves: 1, cell: ({ mac }) => mac },
    { label: t("devices.first_seen"), sort: "first_seen", kind: "number", leaves: 2, cell: ({ first_seen }) => instant(first_seen) },
    { label: t("devices.last_seen"), sort: "last_seen", kind: "number", isBeside: true, cell: lastSeenCell },
  ];

  #load = async ({ search, sort, limit, offset, signal }) => {
    const params = { status: this.#state.value.status, search, sort, limit, offset };
    const [list, totals] = await Promise.all([
      getList("/devices", { params, signal }),
      get("/devices/totals", { params: { format: "named" }, signal }),
    ]);
    this.totals = totals;
    return { rows: list.data.devices, total: list.total };
  };

  render() {
    const { status } = this.#state.value;
    return html`
      ${pageHeader({ title: t("nav.devices"), lead: t("devices.lead") })}
      <st-table
        caption=${t("devices.caption")}
        sort="name"
        .columns=${this.#columns}
        .load=${this.#load}
        .keyOf=${({ mac }) => mac}
        .filters=${this.#state.value}
        ?filtered=${status !== "all"}
        .empty=${this.#empty()}
        .controls=${segments({
          label: t("devices.filter"),
          value: status,
          options: STATUSES.map((each) => ({
            value: each,
            label: t(`devices.filter.${each}`),
            count: this.totals?.[each],
          })),
          change: (chosen) => this.#state.set({ status: chosen }, { clear: ["page"] }),
        })}
        @st-reset=${() => this.#state.set({ status: "all" })}
      ></st-table>
    `;
  }

  #empty() {
    return emptyState({
      sign: "devices",
      title: t("devices.empty"),
      text: t("devices.empty.text"),
      action: html`<code>sessiontrack scan network --every 60s</code>`,
    });
  }
}

function nameCell({ name, mac, vendor, randomized }) {
  const hint = randomized ? t("devices.randomized") : vendor;
  return html`<a href=${address(`/ui/devices/${mac}`)}><strong>${name || mac}</strong></a>${hint ? html`<small class="muted">${hint}</small>` : nothing}`;
}

function statusCell(device) {
  return html`${statusBadge(device.status)}
  ${device.new ? badge("active", t("devices.new")) : nothing}
  ${device.flapping ? badge("warning", t("devices.flapping")) : nothing}`;
}

const lastSeenCell = ({ connected, last_seen: at }) => (connected ? t("devices.now") : instant(at));

customElements.define("st-page-devices", DevicesPage);
