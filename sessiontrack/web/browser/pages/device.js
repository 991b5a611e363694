import { html, nothing } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { get } from "../client.js";
import { Returning, StElement } from "../element.js";
import { minutesOf } from "../elements/fields.js";
import "../elements/heat-map.js";
import { historyColumns, historyLoader, historyTotals, listsSessions } from "../elements/history.js";
import { badge, deviceName, emptyState, failure, nameTab, segments, statusBadge } from "../elements/parts.js";
import { periodValue } from "../elements/period.js";
import "../elements/table.js";
import { address, mayWrite } from "#here";
import { formatNumber, t } from "#i18n";
import { icon } from "../icons.js";
import { Live, ofDevices } from "../live.js";
import { percent } from "../percent.js";
import { formatDuration, instant, zone } from "../time.js";
import { UrlState } from "../url-state.js";
import { tagList, textLabel, TEXTS, typeIcon } from "./device/kinds.js";
import { deleteDevice, deleteSessions, edit, merge } from "./device/changes.js";
import "./device/strip.js";
import "./device/tell.js";
import { ENOUGH_SECONDS, usually } from "./device/usually.js";
import "./devices.css";
import "./device.css";

const VIEWS = ["sessions", "missing", "all", "voided"];
const NOT_THERE = [400, 404];

/** One device: its properties, its connections in a period, its sessions and events. */
class DevicePage extends StElement {
  static properties = { mac: {}, device: { state: true }, beside: { state: true }, told: { state: true }, error: { state: true } };

  #state = new UrlState(this, { period: "30 days", from: "", to: "", view: "sessions" });
  #asked = "";
  #loading;
  #again = () => this.#reload();
  #back = () => {
    this.#fetch({ isQuiet: Boolean(this.device) });
    this.querySelector("st-table")?.refresh();
  };
  #returning = new Returning(this, this.#back);
  #following = new Live(this, ofDevices, this.#back);

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#loading?.abort();
  }

  updated() {
    const asked = JSON.stringify([this.mac, periodValue(this.#state.value)]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#fetch();
  }

  #reload() {
    this.#asked = "";
    this.requestUpdate();
    this.querySelector("st-table")?.reload();
  }

  async #fetch({ isQuiet = false } = {}) {
    this.#loading?.abort();
    const { signal } = (this.#loading = new AbortController());
    const span = periodValue(this.#state.value);
    const path = `/devices/${encodeURIComponent(this.mac)}`;
    try {
      const [{ device, ...beside }, statistics, totals] = await Promise.all([
        get(path, { signal }),
        get(`${path}/statistics`, { params: span, signal }),
        historyTotals({ span, mac: this.mac }, signal),
      ]);
      Object.assign(this, { device, beside, told: { statistics, totals }, error: undefined });
      nameTab(device.name || device.mac);
    } catch (error) {
      if (error.name === "AbortError" || isQuiet) return;
      this.error = error;
      if (NOT_THERE.includes(error.status)) nameTab(`${t("devices.one.unknown")}: ${this.mac}`);
    }
  }

  render() {
    const back = html`<nav class="device-nav" aria-label=${t("devices.one.nav")}>
      <a class="back" href=${address("/ui/devices")}>${icon("left")}${t("nav.devices")}</a>
      ${neighbour(this.beside?.previous, "previous", "left")} ${neighbour(this.beside?.next, "next", "right")}
    </nav>`;
    if (this.error) return html`${back}<div class="card">${this.#failure()}</div>`;
    if (!this.device) return html`${back}${skeleton()}`;
    return html`${back} ${this.#head()}
      <st-device-strip .device=${this.device}></st-device-strip>
      ${mayWrite ? html`<st-device-tell .device=${this.device} @st-changed=${this.#back}></st-device-tell>` : nothing}
      ${this.#facts()} ${this.#statistics()} ${this.#history()}`;
  }

  #failure() {
    if (!NOT_THERE.includes(this.error.status)) return failure(this.error, this.#again);
    return emptyState({
      sign: "search",
      title: t("devices.one.unknown"),
      text: this.error.message,
      action: html`<a class="button" href=${address("/ui/devices")}>${t("devices.one.list")}</a>`,
    });
  }

  #head() {
    const { device } = this;
    const change = (how) => async () => {
      if (await how(device)) this.#reload();
    };
    return html`<header class="page-head">
      <div>
        <h1>${deviceName(device)}</h1>
        <p class="device-badges">
          ${statusBadge(device.status)} ${device.new ? badge("active", t("devices.new")) : nothing}
          ${device.flapping ? badge("warning", t("devices.flapping")) : nothing}
          ${device.archived ? badge("quiet", t("devices.one.archived")) : nothing}
          <span class="muted">${t("shell.zone", { zone })}</span>
        </p>
        ${this.#usually()}
      </div>
      ${mayWrite
        ? html`<div class="page-actions">
            <button type="button" class="button" @click=${change(edit)}>${icon("edit")}${t("devices.one.edit")}</button>
            <button type="button" class="button" @click=${change(merge)}>${icon("merge")}${t("devices.one.merge")}</button>
            <button type="button" class="button" @click=${change(deleteSessions)}>
              ${icon("trash")}${t("devices.one.delete")}
            </button>
            <button type="button" class="button" @click=${change(deleteDevice)}>
              ${icon("trash")}${t("devices.one.remove")}
            </button>
          </div>`
        : nothing}
    </header>`;
  }

  #usually() {
    const { week, observed_seconds: observed, first_seen: first } = this.told.statistics;
    if (observed < ENOUGH_SECONDS) {
      // Of a short period that was chosen, nothing follows; of a device that is new, that it is too early.
      return Date.now() / 1000 - Date.parse(first) / 1000 < ENOUGH_SECONDS
        ? html`<p class="device-usual muted">${t("devices.one.usual.early")}</p>`
        : nothing;
    }
    const when = usually(week);
    return when ? html`<p class="device-usual">${t("devices.one.usual", { when })}</p>` : nothing;
  }

  #facts() {
    const { device } = this;
    const none = html`<span class="muted">–</span>`;
    const held = this.beside.held_by;
    const seen = device.connected ? t("devices.now") : instant(device.last_seen);
    return html`<dl class="card facts">
      ${fact(t("devices.ip"), device.ip ? html`<span class="mono">${device.ip}</span>` : none)}
      ${fact(t("devices.mac"), html`<span class="mono">${device.mac}</span>`)}
      ${fact(t("devices.one.vendor"), device.randomized ? html`${device.vendor} ${randomized()}` : device.vendor || none)}
      ${fact(t("devices.owner"), device.owner || none)}
      ${device.type ? fact(t("devices.type"), html`${typeIcon(device.type)} ${t(`devices.type.${device.type}`)}`) : nothing}
      ${device.tags.length ? fact(t("devices.tags"), tagList(device.tags)) : nothing}
      ${TEXTS.map(({ name }) => (device[name] ? fact(textLabel(name), device[name]) : nothing))}
      ${fact(t("devices.first_seen"), instant(device.first_seen))}
      ${fact(t("devices.last_seen"), seen)}
      ${device.connected_since ? fact(t("devices.one.since"), instant(device.connected_since)) : nothing}
      ${held.length ? fact(t("devices.one.held"), held.map(holder)) : nothing}
      ${mayWrite ? nothing : fact(t("devices.one.alert"), device.alert_down ? t("devices.one.yes") : t("devices.one.no"))}
      ${fact(t("devices.one.grace"), device.grace ? formatDuration(60 * minutesOf(device.grace)) : html`<span class="muted">${t("devices.one.grace.usual")}</span>`)}
      ${device.aliases.length
        ? fact(t("devices.one.aliases"), html`<span class="mono">${device.aliases.join(" ")}</span>`)
        : nothing}
    </dl>`;
  }

  #statistics() {
    const { statistics } = this.told;
    const seconds = (value) => (value === null ? "–" : formatDuration(value));
    const missing = statistics.missing_connections + statistics.missing_disconnections;
    return html`<section class="device-period" aria-labelledby="device-period">
      <div class="section-head">
        <h2 id="device-period">${t("devices.one.connected")}</h2>
        <st-period usual="30 days"></st-period>
      </div>
      <dl class="tiles">
        <div class="card tile">
          <dt>${t("devices.one.uptime")}</dt>
          <dd>${share(statistics.uptime)}</dd>
          <dd class="muted">
            ${t("devices.one.uptime.of", {
              connected: formatDuration(statistics.connected_seconds),
              observed: formatDuration(statistics.observed_seconds),
            })}
          </dd>
          <dd>${bar(statistics.uptime)}</dd>
        </div>
        <div class="card tile">
          <dt>${t("devices.one.sessions")}</dt>
          <dd>${formatNumber(statistics.sessions)}</dd>
          <dd class="muted">${missing ? t("devices.one.incomplete", { count: missing }) : t("devices.one.complete")}</dd>
        </div>
        <div class="card tile">
          <dt>${t("devices.one.median")}</dt>
          <dd>${seconds(statistics.median_seconds)}</dd>
          <dd class="muted">${t("devices.one.average", { duration: seconds(statistics.average_seconds) })}</dd>
        </div>
        <div class="card tile">
          <dt>${t("devices.one.longest")}</dt>
          <dd>${seconds(statistics.longest_seconds)}</dd>
        </div>
      </dl>
      <div class="card week">
        <h3>${t("devices.one.week")}</h3>
        <st-heat-map caption=${t("devices.one.week.caption", { zone })} .week=${statistics.week}></st-heat-map>
      </div>
    </section>`;
  }

  #history() {
    const { view } = this.#state.value;
    const span = periodValue(this.#state.value);
    const type = VIEWS.includes(view) ? view : VIEWS[0];
    const { mac } = this;
    const options = VIEWS.map((each) => ({
      value: each,
      label: t(`history.type.${each}`),
      count: this.told.totals[each],
    }));
    return html`<section aria-labelledby="device-history">
      <h2 id="device-history" class="section-head">${t("devices.one.history")}</h2>
      ${keyed(
        listsSessions(type),
        html`<st-table
          caption=${t(`history.type.${type}`)}
          file="history"
          sort="-order_time"
          .columns=${historyColumns(type, { withDevice: false })}
          .load=${historyLoader({ type, span, mac })}
          .filters=${{ type, ...span, mac }}
          .controls=${segments({
            label: t("history.filter"),
            value: type,
            options,
            change: (chosen) => this.#state.set({ view: chosen }, { clear: ["page", "sort"] }),
          })}
          .empty=${emptyState({ sign: "calendar", title: t("history.empty"), text: t("history.empty.text") })}
        ></st-table>`,
      )}
    </section>`;
  }
}

/** A link to the device before or after this one. */
const neighbour = (device, which, sign) =>
  device
    ? html`<a
        class="button"
        href=${address(`/ui/devices/${device.mac}`)}
        title=${device.name || device.mac}
        aria-label=${t(`devices.one.${which}`, { name: device.name || device.mac })}
        >${icon(sign)}</a
      >`
    : nothing;

const fact = (label, value) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`;
const holder = ({ source, last_seen: seen }) =>
  html`<div>${source} <span class="muted">· ${t("devices.last_seen")} ${instant(seen)}</span></div>`;
const randomized = () => badge("quiet", t("devices.randomized"));
const share = (value) => (value === null ? "–" : percent(value, 1));

const bar = (value) => html`<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
  <rect class="bar-all" width="100" height="4" />
  <rect class="bar-part" width=${(value ?? 0) * 100} height="4" />
</svg>`;

const skeleton = () => html`<div class="card skeleton" aria-busy="true">
  <span class="unseen" role="status">${t("loading")}</span>
  <div></div>
  <div></div>
  <div></div>
</div>`;

customElements.define("st-page-device", DevicePage);
