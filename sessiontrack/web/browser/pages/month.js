import { html, nothing, svg } from "lit";
import { get, getList, queryOf } from "../client.js";
import { StElement } from "../element.js";
import { colorsOf, sumOf, together, viewBars } from "../elements/bars.js";
import { SIZES } from "../elements/pager.js";
import { deviceName, emptyState, failure, nameTab, pageHeader } from "../elements/parts.js";
import "../elements/table.js";
import { viewName } from "../elements/views.js";
import { address, locale } from "#here";
import { formatNumber, t } from "#i18n";
import { icon } from "../icons.js";
import { Live, ofDevices } from "../live.js";
import { percent } from "../percent.js";
import { formatDuration, instant, weekday, zone } from "../time.js";
import { Calendar } from "../timeline/calendar.js";
import { UrlState } from "../url-state.js";
import "./month.css";

const MONTH = /^(\d{4})-(0[1-9]|1[0-2])$/;
const FEW = 8;
const NEWEST = "-first_seen";
const FRESH_MS = 60_000; // how old the numbers of the present month may be
const monthName = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric", timeZone: "UTC" });

/** A month on one page: how much each device was there, what was new and what was away, and people. */
class MonthPage extends StElement {
  static properties = { found: { state: true }, error: { state: true }, usual: { state: true } };

  #state = new UrlState(this, { month: "", sort: "-share" });
  #calendar = new Calendar(zone, locale);
  #asked = "";
  #loadedAt = 0;
  #following = new Live(this, ofDevices, () => {
    if (this.#month === this.#present && performance.now() - this.#loadedAt > FRESH_MS) this.#refresh();
  });
  #again = () => {
    this.#asked = "";
    this.requestUpdate();
  };

  #columns = [
    { label: t("month.device"), sort: "name", kind: "main", cell: deviceCell },
    { label: t("month.share"), sort: "share", kind: "wide", cell: shareCell },
    { label: t("month.connected"), sort: "connected_seconds", kind: "number", isBeside: true, cell: (row) => formatDuration(row.connected_seconds) },
    { label: t("month.absence"), sort: "absence", kind: "number", leaves: 2, cell: absenceCell },
    { label: t("month.sessions"), sort: "sessions", kind: "number", leaves: 1, cell: ({ sessions }) => formatNumber(sessions) },
  ];

  constructor() {
    super();
    this.usual = shifted(this.#present, -1);
  }

  /** The present month, YYYY-MM at the site. */
  get #present() {
    return this.#calendar.day(Date.now() / 1000).slice(0, 7);
  }

  get #month() {
    const { month } = this.#state.value;
    return MONTH.test(month) && month <= this.#present ? month : this.usual;
  }

  #load = async ({ sort, limit, offset, signal }) => {
    const list = await getList("/presence/shares", { params: { ...spanOf(this.#month), sort, limit, offset }, signal });
    return { rows: list.data.devices, total: list.total };
  };

  #refresh() {
    this.querySelector("st-table")?.refresh();
    this.#fetch(this.#month);
  }

  updated() {
    const month = this.#month;
    nameTab(nameOf(month));
    if (month === this.#asked) return;
    this.#asked = month;
    Object.assign(this, { found: undefined, error: undefined });
    this.#fetch(month);
  }

  async #fetch(month) {
    const span = spanOf(month);
    this.#loadedAt = performance.now();
    try {
      const few = (sort) => getList("/presence/shares", { params: { ...span, sort, limit: FEW } });
      const [away, latest, totals, people] = await Promise.all([
        few("-absence"),
        few(NEWEST),
        get("/presence/totals", { params: span }),
        get("/api/v2/session-stats", { params: span }),
      ]);
      if (month !== this.#month) return;
      // Where the last whole month was before everything, the present one says more.
      if (!away.total && !this.#state.value.month && this.usual !== this.#present) return (this.usual = this.#present);
      const absent = away.data.devices.filter((each) => each.longest_absence);
      const fresh = latest.data.devices.slice(0, totals.new);
      this.found = { devices: totals.known, absent, new: totals.new, fresh, people };
    } catch (error) {
      if (month === this.#month && !this.found) this.error = error;
    }
  }

  render() {
    return html`
      ${pageHeader({ title: nameOf(this.#month), lead: t("month.lead"), actions: this.#turn() })}
      ${this.error
        ? html`<div class="card">${failure(this.error, this.#again)}</div>`
        : this.found?.devices === 0
          ? html`<div class="card">${emptyState({ sign: "calendar", title: t("month.none"), text: t("month.none.text") })}</div>`
          : html`${this.#figures()} ${this.#presence()} ${this.#changes()}`}
      ${this.found ? this.#people() : nothing}
    `;
  }

  #turn() {
    const month = this.#month;
    const to = (by) => () => this.#state.set({ month: shifted(month, by) }, { clear: ["page"] });
    const button = (name, sign, by, isOver) => html`<button
      type="button"
      class="button"
      title=${name}
      aria-label=${name}
      ?disabled=${isOver}
      @click=${to(by)}
    >
      ${icon(sign)}
    </button>`;
    const choices = Array.from({ length: 24 }, (_, back) => shifted(this.#present, -back));
    if (!choices.includes(month)) choices.push(month);
    return html`<div class="month-turn">
      ${button(t("month.previous"), "left", -1, month <= "1970-01")}
      <select
        aria-label=${t("month.choose")}
        @change=${(event) => this.#state.set({ month: event.target.value }, { clear: ["page"] })}
      >
        ${choices.map((each) => html`<option value=${each} ?selected=${each === month}>${nameOf(each)}</option>`)}
      </select>
      ${button(t("month.next"), "right", 1, month >= this.#present)}
    </div>`;
  }

  #figures() {
    const { devices, new: fresh, people } = this.found ?? {};
    const seconds = people?.reduce((sum, each) => sum + each.visible_duration, 0);
    const shown = (value, written = formatNumber) => (value === undefined ? "…" : written(value));
    const figure = (name, value) => html`<div class="card tile">
      <dt>${t(`month.${name}`)}</dt>
      <dd>${value}</dd>
      <dd class="muted">${t(`month.${name}.text`)}</dd>
    </div>`;
    return html`<dl class="tiles" aria-busy=${this.found ? "false" : "true"}>
      ${figure("devices", shown(devices))} ${figure("new", shown(fresh))}
      ${figure("people", shown(people?.length))} ${figure("visible", shown(seconds, formatDuration))}
    </dl>`;
  }

  #presence() {
    const month = this.#month;
    const href = address("/presence/shares.csv") + queryOf({ ...spanOf(month), sort: this.#state.value.sort });
    return html`<section>
      <div class="section-head">
        <div>
          <h2>${t("month.presence")}</h2>
          <p class="muted">${t("month.presence.lead")}</p>
        </div>
        ${file(href)}
      </div>
      <st-table
        no-search
        caption=${t("month.presence")}
        sort="-share"
        .columns=${this.#columns}
        .load=${this.#load}
        .keyOf=${({ mac }) => mac}
        .filters=${{ month }}
      ></st-table>
      ${this.found?.devices > SIZES[0] ? html`<p class="only-print">${t("month.presence.printed")}</p>` : nothing}
    </section>`;
  }

  #changes() {
    const { fresh, absent } = this.found ?? {};
    const sorted = (sort) => file(address("/presence/shares.csv") + queryOf({ ...spanOf(this.#month), sort }));
    const more = fresh && this.found.new - fresh.length;
    return html`<div class="month-columns">
      ${card(
        "new",
        sorted(NEWEST),
        fresh &&
          list(
            fresh.map(({ mac, name, first_seen: at }) => html`<li>${deviceLink(mac, name)}<span class="muted">${instant(at)}</span></li>`),
            t("month.new.none"),
            more ? html`<li>${t("month.new.more", { count: more })}</li>` : nothing,
          ),
      )}
      ${card(
        "absences",
        sorted("-absence"),
        absent &&
          list(
            absent.map(({ mac, name, longest_absence: away }) => {
              return html`<li>
                ${deviceLink(mac, name)}<strong>${formatDuration(away.seconds)}</strong>
                <small class="muted">${weekday(away.from)} – ${weekday(away.until)}</small>
              </li>`;
            }),
            t("month.absences.none"),
          ),
      )}
    </div>`;
  }

  #people() {
    const { people } = this.found;
    const span = spanOf(this.#month);
    const page = (users) => address("/ui/people") + queryOf({ show: "views", users, from: span.start, to: span.end });
    if (!people.length) return html`<section class="card month-card"><h2>${t("month.people")}</h2><p class="muted">${t("month.people.none")}</p></section>`;
    const longest = [...people].sort((one, other) => other.visible_duration - one.visible_duration).slice(0, FEW);
    const pages = together(people.map((each) => each.tab_duration));
    const most = Object.entries(pages).sort(([, one], [, other]) => sumOf(other) - sumOf(one)).slice(0, FEW);
    // As on People: a view with tabs is another product's.
    const pageNameOf = (view) => (Object.keys(pages[view]).some(Boolean) ? view : viewName(view));
    const names = Object.fromEntries(longest.map((each) => [each.username, each.visible_duration]));
    const link = (name) => html`<a href=${page(encodeURIComponent(name))}>${name}</a>`;
    const csv = file(address("/api/v2/session-stats.csv") + queryOf(span));
    const all = html`<a href=${page()}>${t("month.all")}</a>`;
    return html`<div class="month-columns">
      ${card("people.title", csv, html`${viewBars(names, { nameOf: link })} ${people.length > FEW ? all : nothing}`)}
      ${card("pages.title", nothing, html`${viewBars(whole(most), { colors: colorsOf(most.map(([name]) => name)), nameOf: pageNameOf })} ${all}`)}
    </div>`;
  }
}

const nameOf = (month) => monthName.format(new Date(`${month}-01T00:00:00Z`));

/** YYYY-MM, so many months later. */
function shifted(month, by) {
  const [year, number] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number - 1 + by, 1)).toISOString().slice(0, 7);
}

/** The month as the API takes a period: its first and its last day. */
function spanOf(month) {
  const [year, number] = month.split("-").map(Number);
  return { start: `${month}-01`, end: new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10) };
}

const whole = (views) => Object.fromEntries(views.map(([name, tabs]) => [name, sumOf(tabs)]));
const file = (href) => html`<a class="button" href=${href} download>${icon("download")}CSV</a>`;

const card = (name, action, content) => html`<section class="card month-card" aria-busy=${content ? "false" : "true"}>
  <div class="section-head"><h2>${t(`month.${name}`)}</h2>${action}</div>
  ${content ?? nothing}
</section>`;

const list = (items, none, more = nothing) =>
  items.length ? html`<ul class="month-list" role="list">${items}${more}</ul>` : html`<p class="muted">${none}</p>`;

const deviceLink = (mac, name) => html`<a href=${address(`/ui/devices/${mac}`)}>${deviceName({ mac, name })}</a>`;

const deviceCell = ({ mac, name, owner }) => html`<a href=${address(`/ui/devices/${mac}`)}><strong>${deviceName({ mac, name })}</strong></a>
  ${owner ? html`<small class="muted">${owner}</small>` : nothing}`;

const shareCell = ({ share }) => html`<div class="month-share">
  <svg aria-hidden="true">${svg`<rect width=${`${100 * (share ?? 0)}%`} height="100%" rx="3" />`}</svg>
  <span>${share === null ? "–" : percent(Math.floor(1000 * share) / 1000, 1, 1)}</span>
</div>`;

const absenceCell = ({ longest_absence: away }) =>
  away ? formatDuration(away.seconds) : html`<span class="muted">–</span>`;

customElements.define("st-page-month", MonthPage);
