import { html, nothing } from "lit";
import { live } from "lit/directives/live.js";
import { get, getList } from "../client.js";
import { StElement } from "../element.js";
import { badge, deviceName, emptyState, pageHeader, segments } from "../elements/parts.js";
import "../elements/instant.js";
import { lengthOf, periodInstants } from "../elements/period.js";
import "../elements/search.js";
import "../elements/table.js";
import "../timeline/element.js";
import { address, command, locale } from "#here";
import { t } from "#i18n";
import { icon } from "../icons.js";
import { Live, ofDevices } from "../live.js";
import { formatDuration, instant, zone } from "../time.js";
import { apiSource, iso } from "../timeline/api-source.js";
import { Calendar } from "../timeline/calendar.js";
import { AHEAD, SPANS, View } from "../timeline/view.js";
import { UrlState } from "../url-state.js";
import "./presence.css";

const STATUSES = ["all", "connected", "disconnected", "down", "new", "flapping", "archived"];
const ORDERS = ["name", "status", "-last_seen", "-first_seen", "owner", "ip"];
const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/;
const STEP = 0.8; // of the visible span
const ZOOM = 2;
const SAME_SECONDS = 2;
// Where the view is: a period that was chosen, or what gestures made of it.
const PERIOD = { period: "", from: "", to: "" };
const LENGTHS = { day: "24 hours", week: "7 days", month: "30 days", year: "365 days" };
const KINDS = {
  closed: ["active", "timeline.legend.closed"],
  open: ["ok", "timeline.legend.open"],
  "missing connection": ["warning", "timeline.legend.no-begin"],
  "missing disconnection": ["warning", "timeline.legend.no-end"],
};

/** The devices' sessions as a timeline, or as a table. */
class PresencePage extends StElement {
  static properties = { totals: { state: true }, there: { state: true }, total: { state: true }, isUnfolded: { state: true } };

  #state = new UrlState(this, { as: "timeline", q: "", status: "all", order: "name", span: "week", until: "", at: "", ...PERIOD });
  #calendar = new Calendar(zone, locale);
  #source;
  #asked;
  #inSight = "";
  #following = new Live(this, ofDevices, () => {
    this.#loadTotals();
    this.#loadThere();
    this.querySelector("st-table")?.refresh();
    this.#element?.refresh();
  });

  #columns = [
    { label: t("presence.device"), sort: "name", kind: "main", cell: deviceCell },
    { label: t("presence.kind"), kind: "state", cell: ({ kind }) => badge(KINDS[kind][0], t(KINDS[kind][1])) },
    { label: t("presence.connection"), sort: "connection", kind: "number", cell: (row) => end(row.connected_at) },
    { label: t("presence.disconnection"), sort: "disconnection", kind: "number", cell: disconnectionCell },
    { label: t("presence.duration"), sort: "duration", kind: "number", leaves: 5, cell: durationCell },
    { label: t("presence.ip"), sort: "ip", kind: "mono", leaves: 2, cell: ({ ip }) => ip },
    { label: t("presence.mac"), sort: "mac", kind: "mono", leaves: 1, cell: ({ mac }) => mac },
  ];

  #load = async ({ search, sort, limit, offset, signal }) => {
    const { from, to } = this.#view();
    const params = { status: this.#state.value.status, search, sort, limit, offset, start: iso(from), end: iso(to) };
    const list = await getList("/presence/sessions", { params, signal });
    return { rows: list.data.sessions, total: list.total };
  };

  connectedCallback() {
    super.connectedCallback();
    this.#loadTotals();
  }

  /** How many devices were there in what is in sight; the page also works without. */
  async #loadThere() {
    const { from, to, now } = this.#view();
    if (from >= now) return;
    const { q: search, status } = this.#state.value;
    const params = { start: iso(from), end: iso(Math.min(to, now)), search, status: STATUSES.includes(status) ? status : "all" };
    const asked = this.#inSight;
    const found = await get("/presence/totals", { params }).catch(() => undefined);
    if (asked === this.#inSight) this.there = found;
  }

  /** The numbers beside the filters; the page also works without them. */
  #loadTotals() {
    get("/devices/totals", { params: { format: "named" } }).then((totals) => (this.totals = totals), () => {});
  }

  /** The time range of the address: of its period, else of its span and end. */
  #view() {
    const { span, until, period } = this.#state.value;
    const now = Date.now() / 1000;
    const chosen = periodInstants(this.#state.value, now);
    // A period that lasts until now has all of its past in sight, and follows.
    if (chosen && chosen.to > now) return new View((now - chosen.from) / (1 - AHEAD), null, now);
    if (chosen) return new View(chosen.to - chosen.from, chosen.to, now);
    if (lengthOf(period)) return new View(lengthOf(period), null, now);
    const at = Date.parse(until) / 1000;
    return new View(SPANS[span] ?? (Number(span) || SPANS.week), Number.isNaN(at) ? null : at, now);
  }

  /** What the choice of a period shows: what was chosen, or that the view is elsewhere now. */
  get #current() {
    const { span, until, period } = this.#state.value;
    if (periodInstants(this.#state.value) || lengthOf(period)) return period;
    return (!until && LENGTHS[span]) || t("presence.period.shown");
  }

  render() {
    const { as, q, status } = this.#state.value;
    const isTable = as === "table";
    return html`
      ${pageHeader({
        title: t("nav.presence"),
        lead: t("presence.lead"),
        actions: html`${isTable ? nothing : this.#order()}
        ${segments({
          label: t("presence.as"),
          value: as,
          options: ["timeline", "table"].map((each) => ({ value: each, label: t(`presence.as.${each}`) })),
          change: (chosen) => this.#state.set({ as: chosen }, { clear: ["page", "sort"] }),
        })}`,
      })}
      <div class="table-tools">
        ${this.#search(q)}
        ${segments({
          label: t("presence.filter"),
          value: status,
          options: STATUSES.map((each) => ({ value: each, label: t(`presence.filter.${each}`), count: this.totals?.[each] })),
          change: (chosen) => this.#state.set({ status: chosen }, { clear: ["page"] }),
        })}
      </div>
      ${this.#time(isTable)} ${this.#instant()} ${isTable ? this.#table() : this.#timeline()}
    `;
  }

  #search(q) {
    const search = ({ detail }) => this.#state.set({ q: detail }, { replace: true, clear: ["page"] });
    return html`<st-search label=${t("presence.search")} .value=${q} @st-search=${search}></st-search>`;
  }

  #order() {
    const { order } = this.#state.value;
    return html`<label class="presence-order">
      <span>${t("presence.order")}</span>
      <select @change=${(event) => this.#state.set({ order: event.target.value })}>
        ${ORDERS.map((each) => html`<option value=${each} ?selected=${each === order}>${t(`presence.order.${each}`)}</option>`)}
      </select>
    </label>`;
  }

  #time(isTable) {
    const view = this.#view();
    const now = Math.min(view.to, view.now);
    const button = (name, sign, does) =>
      html`<button type="button" class="button" title=${name} aria-label=${name} @click=${does}>${sign}</button>`;
    return html`<div class="presence-time">
      <div class="presence-buttons">
        ${button(t("presence.earlier"), icon("left"), () => this.#move(-STEP))}
        <button type="button" class="button" aria-pressed=${view.isLive ? "true" : "false"} @click=${() => this.#live()}>
          ${t("presence.now")}
        </button>
        ${button(t("presence.later"), icon("right"), () => this.#move(STEP))}
      </div>
      <div class="presence-range">
        <h2 aria-live="polite">${this.#calendar.range(view.from, now)}</h2>
        <p class="muted">${this.#inWords()}</p>
      </div>
      ${this.#fold()}
      <st-period bounded usual="7 days" .current=${this.#current} .clears=${["span", "until"]}></st-period>
      ${isTable
        ? nothing
        : html`<div class="presence-buttons presence-zoom">
            ${button(t("presence.closer"), icon("plus"), () => this.#element.zoom(1 / ZOOM))}
            ${button(t("presence.wider"), icon("minus"), () => this.#element.zoom(ZOOM))}
          </div>`}
    </div>`;
  }

  /** "21 of 25 devices were there, 2 new". */
  #inWords() {
    if (!this.there) return "…";
    const { known, there, new: fresh } = this.there;
    const words = t("presence.there", { count: there, known });
    return fresh ? t("presence.there.new", { there: words, count: fresh }) : words;
  }

  /** The instant that is asked for: a field for it, and who was there. */
  #instant() {
    const { at } = this.#state.value;
    const mark = this.#mark();
    const change = (event) => event.target.reportValidity() && this.#state.set({ at: event.target.value.slice(0, 16) });
    return html`<form class="presence-at" @submit=${(event) => event.preventDefault()}>
        <label>
          <span>${t("presence.at.when")}</span>
          <input
            type="datetime-local"
            max=${this.#localTime(Date.now() / 1000)}
            .value=${live(mark === null ? "" : this.#localTime(mark))}
            @change=${change}
          />
        </label>
        ${this.#state.value.as === "table" ? nothing : html`<span class="muted presence-at-hint">${t("presence.at.hint")}</span>`}
      </form>
      ${at
        ? html`<st-instant .at=${at} @st-close=${() => this.#state.set({ at: "" })}></st-instant>`
        : nothing}`;
  }

  /** YYYY-MM-DDTHH:MM in site time. */
  #localTime(at) {
    return this.#calendar.local(at).toISOString().slice(0, 16);
  }

  /** The instant asked for in epoch seconds; null without one. It is in site time, or has an offset as links write it. */
  #mark() {
    const { at } = this.#state.value;
    if (!LOCAL.test(at)) return Number.isNaN(Date.parse(at)) ? null : Date.parse(at) / 1000;
    const [year, month, day, hour, minute] = at.split(/\D/).map(Number);
    return this.#calendar.instant(year, month - 1, day, hour) + minute * 60;
  }

  /** On a phone the controls are behind this button. */
  #fold() {
    const { q, status } = this.#state.value;
    const isFiltered = Boolean(q || status !== "all");
    return html`<button
      type="button"
      class="button presence-fold"
      aria-expanded=${this.isUnfolded ? "true" : "false"}
      ?data-filtered=${isFiltered}
      @click=${() => (this.isUnfolded = !this.isUnfolded)}
    >
      ${icon("filter")}${t("presence.controls")}
    </button>`;
  }

  updated() {
    this.toggleAttribute("data-unfolded", Boolean(this.isUnfolded));
    const { q, status, span, until, period, from, to } = this.#state.value;
    const inSight = JSON.stringify([q, status, span, until, period, from, to]);
    if (inSight === this.#inSight) return;
    this.#inSight = inSight;
    this.#loadThere();
  }

  get #element() {
    return this.querySelector("st-timeline");
  }

  #move(part) {
    if (this.#element) return this.#element.move(part);
    const view = this.#view();
    this.#show(view.moved(part * view.width));
  }

  #live() {
    this.#show(new View(this.#view().span, null, Date.now() / 1000));
  }

  /** The reader has moved the timeline; one that went where the address says has not been moved. */
  #moved({ detail }) {
    const view = this.#view();
    const isSame = [detail.from - view.from, detail.span - view.span].every((each) => Math.abs(each) <= SAME_SECONDS);
    if (!isSame) this.#show(detail, { replace: true, clear: [] });
  }

  #show({ span, until }, options = {}) {
    const named = Object.keys(SPANS).find((each) => SPANS[each] === Math.round(span));
    const changes = { ...PERIOD, span: named ?? String(Math.round(span)), until: until === null ? "" : iso(until) };
    this.#state.set(changes, { clear: ["page"], ...options });
  }

  #timeline() {
    const { q: search, status, order } = this.#state.value;
    const sort = ORDERS.includes(order) ? order : ORDERS[0];
    const asked = JSON.stringify([search, status, sort]);
    if (asked !== this.#asked) {
      this.#asked = asked;
      this.#source = apiSource({ search, status: STATUSES.includes(status) ? status : "all", sort });
      this.total = undefined;
    }
    const { span, until } = this.#view();
    if (this.total === 0) return html`<div class="card">${this.#nothing()}</div>`;
    return html`<div class="card presence-card">
      <st-timeline
        .source=${this.#source}
        .span=${span}
        .until=${until}
        .mark=${this.#mark()}
        @st-instant=${({ detail }) => this.#state.set({ at: this.#localTime(detail.at) })}
        @st-view=${this.#moved}
        @st-total=${(event) => (this.total = event.detail.total)}
      ></st-timeline>
    </div>`;
  }

  #table() {
    const { status, span, until, period, from, to } = this.#state.value;
    const view = this.#view();
    const days = [view.from, Math.min(view.to, view.now) - 1].map((at) => this.#calendar.day(at));
    return html`<st-table
      caption=${t("presence.caption")}
      file=${`presence-${[...new Set(days)].join("-to-")}`}
      no-search
      sort="-connection"
      .columns=${this.#columns}
      .load=${this.#load}
      .filters=${{ status, span, until, period, from, to }}
      ?filtered=${status !== "all"}
      .empty=${this.totals?.all === 0 ? noDevices() : noSessions()}
      @st-reset=${() => this.#state.set({ status: "all" })}
    ></st-table>`;
  }

  #nothing() {
    const { q, status } = this.#state.value;
    if (q || status !== "all") {
      const reset = () => this.#state.set({ q: "", status: "all" });
      return emptyState({
        sign: "search",
        title: t("table.nothing"),
        text: t("table.nothing.text"),
        action: html`<button type="button" class="button" @click=${reset}>${t("table.reset")}</button>`,
      });
    }
    return noDevices();
  }
}

const noDevices = () =>
  emptyState({
    sign: "presence",
    title: t("presence.empty"),
    text: t("presence.empty.text"),
    action: html`<code>${command} scan network --every 60s</code>`,
  });

const noSessions = () =>
  emptyState({ sign: "calendar", title: t("presence.nothing"), text: t("presence.nothing.text") });

const end = (at) => (at === null ? html`<span class="muted">${t("timeline.missing")}</span>` : instant(at));

function deviceCell({ name, mac, owner }) {
  return html`<a href=${address(`/ui/devices/${mac}`)}><strong>${deviceName({ mac, name })}</strong></a>
    ${owner ? html`<small class="muted">${owner}</small>` : nothing}`;
}

const disconnectionCell = ({ kind, disconnected_at: at }) => (kind === "open" ? html`<span class="muted">…</span>` : end(at));
const durationCell = ({ duration_seconds: seconds }) => (seconds === null ? "…" : formatDuration(seconds));

customElements.define("st-page-presence", PresencePage);
