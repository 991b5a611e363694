import { html, nothing } from "lit";
import { get, getList, queryOf } from "../client.js";
import { Returning, StElement } from "../element.js";
import { colorsOf, sumOf, together, viewBars } from "../elements/bars.js";
import "../elements/days.js";
import { pager, SIZES } from "../elements/pager.js";
import { badge, emptyState, failure, pageHeader, segments } from "../elements/parts.js";
import { lengthOf, periodInstants, periodValue } from "../elements/period.js";
import "../elements/table.js";
import { pathName, viewName } from "../elements/views.js";
import { address, locale } from "#here";
import { t } from "#i18n";
import { icon } from "../icons.js";
import { Live, ofPeople } from "../live.js";
import { formatDuration, formatSeconds, instant, zone } from "../time.js";
import { Calendar } from "../timeline/calendar.js";
import { UrlState } from "../url-state.js";

import "./people.css";

const SHOWN = ["sessions", "views", "days"];
// The period of each, where the address names none.
const USUAL = { sessions: "all", views: "30 days", days: "30 days" };
const STATES = { all: undefined, now: true, before: false };
// The users to choose from: those with a session in this period.
const NAMES_PERIOD = "1 year";
const DAY = /^\d{4}-\d\d-\d\d$/;
const dayName = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const SUMS_MS = 60_000; // sums of a period change little from ping to ping

/** The users of the web UI: their sessions, their time per page, and their days. */
class PeoplePage extends StElement {
  static properties = { names: { state: true }, found: { state: true }, error: { state: true } };

  #state = new UrlState(this, {
    show: "sessions",
    users: "",
    view: "",
    day: "",
    active: "all",
    period: "",
    from: "",
    to: "",
    page: 1,
    size: SIZES[0],
  });
  #calendar = new Calendar(zone, locale);
  #asked;
  #askedAt = 0;
  #isQuiet = false;
  #following = new Live(this, ofPeople, () => {
    this.querySelector("st-table")?.refresh();
    if (performance.now() - this.#askedAt > SUMS_MS) this.#back();
  });

  #again = () => {
    this.#asked = undefined;
    this.requestUpdate();
  };
  #back = () => {
    this.#isQuiet = Boolean(this.found);
    this.#again();
  };
  #returning = new Returning(this, this.#back);

  #columns = [
    { label: t("people.user"), kind: "main", cell: userCell },
    { label: t("people.state"), kind: "state", cell: stateCell },
    { label: t("people.start"), kind: "number", cell: ({ start }) => instant(start) },
    { label: t("people.last_ping"), kind: "number", leaves: 1, cell: ({ last_ping: at }) => instant(at) },
    { label: t("people.length"), kind: "number", leaves: 2, cell: (row) => formatDuration(row.last_ping - row.start) },
    { label: t("people.visible"), kind: "number", cell: ({ visible_duration: seconds }) => formatSeconds(seconds) },
  ];

  #timeColumns = [
    { label: t("people.user"), sort: "user", kind: "main", cell: ({ user }) => html`<strong>${user}</strong>` },
    { label: t("people.page"), sort: "page", kind: "wide", cell: ({ path }) => pathName(path) },
    { label: t("people.visible"), sort: "visible", kind: "state", cell: ({ seconds }) => formatSeconds(seconds) },
  ];

  /** Load the names when the choice opens, because a year is much to read; names in the address are kept anyway. */
  async #loadNames() {
    if (this.names) return;
    const stats = await get("/api/v2/session-stats", { params: { period: NAMES_PERIOD } }).catch(() => []);
    this.names = stats.map(({ username }) => username);
  }

  get #users() {
    return this.#state.value.users.split(",").filter(Boolean).map(decoded);
  }

  /** The period that is chosen: {period, from, to}. */
  get #period() {
    const { show, period, from, to } = this.#state.value;
    return { period: period || (USUAL[show] ?? USUAL.sessions), from, to };
  }

  /** The sessions that began in the period. */
  get #asksFor() {
    const { active } = this.#state.value;
    const now = Math.floor(Date.now() / 1000);
    const ends = periodInstants(this.#period, now);
    const length = lengthOf(this.#period.period);
    const began = ends ? { started_after: ends.from - 1, started_before: ends.to } : length && { started_after: now - length };
    return { "usernames[]": this.#users, active: STATES[active], ...began };
  }

  #load = async ({ limit, offset, signal }) => {
    const { data, total } = await getList("/api/v2/sessions", { params: { ...this.#asksFor, limit, offset }, signal });
    return { rows: data, total };
  };

  /** The sessions that began on the chosen day. */
  #loadDay = async ({ limit, offset, signal }) => {
    const start = this.#calendar.dayStart(this.#day);
    const local = this.#calendar.local(start);
    const end = this.#calendar.instant(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate() + 1);
    const params = { "usernames[]": this.#users, started_after: start - 1, started_before: end, limit, offset };
    const { data, total } = await getList("/api/v2/sessions", { params, signal });
    return { rows: data, total };
  };

  get #day() {
    const { day } = this.#state.value;
    return DAY.test(day) && !Number.isNaN(Date.parse(day)) ? day : "";
  }

  /** The time of each person on each page, of what has been loaded. */
  #loadTimes = async ({ sort, limit, offset }) => {
    const { view: only } = this.#state.value;
    const rows = [];
    for (const { username: user, tab_duration: views } of this.found?.rows ?? []) {
      for (const [view, value] of Object.entries(views)) {
        if (only && view !== only) continue;
        const tabs = typeof value === "number" ? { "": value } : value;
        for (const [tab, seconds] of Object.entries(tabs)) rows.push({ user, path: tab ? [view, tab] : [view], seconds });
      }
    }
    const by = ORDERS[sort.replace(/^-/, "")] ?? ORDERS.visible;
    const sign = sort.startsWith("-") ? -1 : 1;
    rows.sort((one, other) => sign * by(one, other) || inOrder(one.user, other.user) || other.seconds - one.seconds);
    return { rows: rows.slice(offset, offset + limit), total: rows.length };
  };

  updated(changed) {
    if (changed.has("found")) this.querySelector(".people-times")?.refresh();
    const { show, users, page, size } = this.#state.value;
    const span = periodValue(this.#period);
    const asked = JSON.stringify([show, users, span, ...(show === "days" ? [page, size] : [])]);
    if (show === "sessions" || asked === this.#asked) return;
    this.#asked = asked;
    this.#askedAt = performance.now();
    this.#loadStats(asked, show, span);
  }

  async #loadStats(asked, show, span) {
    const isQuiet = this.#isQuiet;
    this.#isQuiet = false;
    let [found, error] = [];
    try {
      const rows = await get("/api/v2/session-stats", { params: { ...span, "usernames[]": this.#users } });
      found = { show, ...(show === "days" ? await this.#loadDays(rows, span) : { rows }) };
    } catch (thrown) {
      // What was shown stays.
      if (isQuiet) return;
      error = thrown;
    }
    if (asked === this.#asked) Object.assign(this, { found, error });
  }

  /** The days of one page of the users of the period. */
  async #loadDays(stats, span) {
    const { page: asked, size } = this.#state.value;
    const names = stats.map(({ username }) => username).sort(inOrder);
    const page = Math.max(1, Math.min(asked, Math.ceil(names.length / size)));
    const shown = names.slice((page - 1) * size, page * size);
    const rows = shown.length ? await get("/api/v2/session-days", { params: { ...span, "usernames[]": shown } }) : [];
    const ranks = new Map(shown.map((name, rank) => [name, rank]));
    rows.sort((one, other) => ranks.get(one.username) - ranks.get(other.username));
    return { rows, page, size, shown: shown.length, total: names.length };
  }

  render() {
    const { show } = this.#state.value;
    return html`
      ${pageHeader({ title: t("nav.people"), lead: t("people.lead") })}
      <div class="table-tools">
        ${segments({
          label: t("people.show"),
          value: show,
          options: SHOWN.map((value) => ({ value, label: t(`people.show.${value}`) })),
          change: (value) => this.#state.set({ show: value }, { clear: ["page", "sort", "view", "day"] }),
        })}
        ${this.#userChoice()} ${this.#chips(show)}
        <a class="button people-file" href=${this.#file(show)} download>${icon("download")}CSV</a>
      </div>
      ${show === "views" || show === "days" ? this.#stats(show) : this.#sessions()}
    `;
  }

  /** What a press on a bar, a name or a day has chosen, each to be taken back. */
  #chips(show) {
    const { view } = this.#state.value;
    const chosen = this.#users;
    const chips = chosen.map((name) => [name, { users: chosen.filter((each) => each !== name).map(encodeURIComponent).join(",") }]);
    if (show === "views" && view) chips.push([this.#nameOf(view), { view: "" }]);
    if (show === "days" && this.#day) chips.push([dayName.format(new Date(this.#day)), { day: "" }]);
    if (!chips.length) return nothing;
    return html`<ul class="chips" role="list" aria-label=${t("people.chips")}>
      ${chips.map(([name, without]) => {
        const label = t("people.chips.remove", { name });
        const remove = () => this.#state.set(without, { clear: PAGES });
        return html`<li><button type="button" class="chip" title=${label} aria-label=${label} @click=${remove}>${name}${icon("close")}</button></li>`;
      })}
    </ul>`;
  }

  /** As its bar has it: another product's page, where it has tabs. */
  #nameOf(view) {
    const hasTabs = this.found?.rows.some(({ tab_duration: views }) => typeof views?.[view] === "object");
    return hasTabs ? view : viewName(view);
  }

  /** What is shown, as a file. */
  #file(show) {
    const { view } = this.#state.value;
    const users = { "usernames[]": this.#users };
    const span = periodValue(this.#period);
    if (show === "views") return address("/api/v2/session-stats.csv") + queryOf({ ...span, ...users, view });
    const day = this.#day ? { start: this.#day, end: this.#day } : span;
    if (show === "days") return address("/api/v2/session-days.csv") + queryOf({ ...day, ...users });
    return address("/api/v2/sessions.csv") + queryOf(this.#asksFor);
  }

  /** Choose only this user, or everybody again. */
  #pickUser = (name) => {
    const chosen = this.#users;
    const users = chosen.length === 1 && chosen[0] === name ? "" : encodeURIComponent(name);
    this.#state.set({ users }, { clear: PAGES });
  };

  #pickView = (view) => this.#state.set({ view: view === this.#state.value.view ? "" : view }, { clear: PAGES });

  #pickDay = ({ detail: { user, day } }) => {
    const users = user === undefined ? {} : { users: encodeURIComponent(user) };
    this.#state.set({ ...users, ...(day && { day }) }, { clear: PAGES });
  };

  #userChoice() {
    const chosen = this.#users;
    const names = [...new Set([...(this.names ?? []), ...chosen])].sort(inOrder);
    const choose = (event) => {
      const form = new FormData(event.currentTarget);
      const users = form.getAll("user").map(encodeURIComponent).join(",");
      this.#state.set({ users }, { clear: ["page"] });
    };
    const label = chosen.length ? chosen.join(", ") : t("people.everybody");
    return html`<details class="people-users" @toggle=${() => this.#loadNames()} @keydown=${closeOnEscape}>
      <summary class="button"><span class="muted">${t("people.users")}</span> <strong>${label}</strong></summary>
      <form class="menu-panel" @change=${choose}>
        ${names.map(
          (name) => html`<label>
            <input type="checkbox" name="user" value=${name} .checked=${chosen.includes(name)} /> <span>${name}</span>
          </label>`,
        )}
        ${names.length ? nothing : html`<p class="muted">${this.names ? t("people.empty") : t("loading")}</p>`}
      </form>
    </details>`;
  }

  #sessions() {
    const { users, active } = this.#state.value;
    const { period, from, to } = this.#period;
    // A length that is none of the choices, typed into the address, asks for everything.
    const shown = periodInstants({ period, from, to }) || lengthOf(period) ? "" : USUAL.sessions;
    return html`<st-table
      no-search
      caption=${t("people.caption")}
      .columns=${this.#columns}
      .load=${this.#load}
      .keyOf=${({ _id: id }) => id}
      .filters=${{ users, active, period, from, to }}
      ?filtered=${Boolean(users || from || period !== USUAL.sessions || active !== "all")}
      .empty=${noPeople()}
      .controls=${html`<div class="people-filters">
        ${segments({
          label: t("people.state"),
          value: active,
          options: Object.keys(STATES).map((value) => ({ value, label: t(`people.state.${value}`) })),
          change: (value) => this.#state.set({ active: value }, { clear: ["page"] }),
        })}
        <st-period usual=${USUAL.sessions} .current=${shown}></st-period>
      </div>`}
      @st-reset=${() => this.#state.set({ users: "", active: "all" }, { clear: ["page", "period", "from", "to"] })}
    ></st-table>`;
  }

  #stats(show) {
    const isHere = this.found?.show === show;
    return html`<div class="table-tools">
        <st-period usual=${USUAL.views}></st-period>
      </div>
      ${this.error
        ? html`<div class="card">${failure(this.error, this.#again)}</div>`
        : isHere
          ? this.#statsOf(show)
          : html`<div class="card skeleton" aria-busy="true"><div></div><div></div><div></div></div>`}`;
  }

  #days(rows) {
    const { users } = this.#state.value;
    const name = this.#day && dayName.format(new Date(this.#day));
    return html`<div class="card">
      <st-days class="days" .rows=${rows} @st-pick=${this.#pickDay}></st-days>
      ${pager({
        ...this.found,
        turn: (to) => this.#state.set({ page: to }),
        resize: (to) => this.#state.set({ size: to }, { clear: ["page"] }),
      })}
    </div>
    ${name
      ? html`<h2 class="people-below" aria-live="polite">${t("people.day", { day: name })}</h2>
          <st-table
            no-search
            prefix="day-"
            caption=${t("people.day", { day: name })}
            .columns=${this.#columns}
            .load=${this.#loadDay}
            .keyOf=${({ _id: id }) => id}
            .filters=${{ users, day: this.#day }}
            .empty=${emptyState({ sign: "people", title: t("people.day.none"), text: t("people.day.none.text") })}
          ></st-table>`
      : nothing}`;
  }

  #statsOf(show) {
    const { view } = this.#state.value;
    const { rows: found } = this.found;
    if (!found.length) return html`<div class="card">${noPeople()}</div>`;
    if (show === "days") return this.#days(found);
    const rows = view ? found.map((row) => onlyView(row, view)).filter((row) => row.tab_duration[view] !== undefined) : found;
    const all = together(rows.map((row) => row.tab_duration));
    const total = rows.reduce((sum, row) => sum + row.visible_duration, 0);
    return html`<div class="people-columns">
      <section class="card" aria-labelledby="people-views">
        <h2 id="people-views">${t("people.views")}</h2>
        <p class="muted">
          ${t(view || this.#users.length ? "people.views.some" : "people.views.total", { time: formatDuration(total) })}
        </p>
        ${viewBars(all, { colors: this.#colors(found), pick: this.#pickView, picked: [view] })}
      </section>
      <section class="card" aria-labelledby="people-each">
        <h2 id="people-each">${t("people.each")}</h2>
        <p class="muted">${t("people.each.lead")}</p>
        ${viewBars(Object.fromEntries(rows.map((row) => [row.username, row.visible_duration])), {
          nameOf: (name) => name,
          pick: this.#pickUser,
          picked: this.#users,
        })}
      </section>
    </div>
    <h2 class="people-below">${t("people.times")}</h2>
    <st-table
      class="people-times"
      no-search
      sort="-visible"
      caption=${t("people.times")}
      .columns=${this.#timeColumns}
      .load=${this.#loadTimes}
      .keyOf=${({ user, path }) => JSON.stringify([user, path])}
      .filters=${{ view }}
      .empty=${emptyState({ sign: "people", title: t("people.times.none") })}
    ></st-table>`;
  }

  /** The colours of the pages stay as they are when one of them is chosen. */
  #colors(rows) {
    const views = Object.entries(together(rows.map((row) => row.tab_duration)));
    return colorsOf(views.sort(([, one], [, other]) => sumOf(other) - sumOf(one)).map(([name]) => name));
  }
}

// The pages of all lists that a choice narrows.
const PAGES = ["page", "day-page"];

const ORDERS = {
  user: (one, other) => inOrder(one.user, other.user),
  page: (one, other) => inOrder(pathName(one.path), pathName(other.path)),
  visible: (one, other) => one.seconds - other.seconds,
};

/** What a user did on one page. */
function onlyView(row, view) {
  const value = row.tab_duration[view];
  const seconds = typeof value === "object" ? Object.values(value).reduce((sum, each) => sum + each, 0) : value;
  return { ...row, tab_duration: { [view]: value }, visible_duration: seconds ?? 0 };
}

const { compare: inOrder } = new Intl.Collator(locale, { numeric: true });

/** Parse an address that may have been typed by hand. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function closeOnEscape(event) {
  if (event.key !== "Escape") return;
  event.currentTarget.open = false;
  event.currentTarget.querySelector("summary").focus();
}

const userCell = ({ _id: id, username, last_visible_path: path }) => html`<a href=${address(`/ui/people/${id}`)}
    >${username}</a
  >${path.length ? html`<small class="muted">${pathName(path)}</small>` : nothing}`;

const stateCell = ({ active }) => (active ? badge("ok", t("people.active")) : badge("quiet", t("people.ended")));

const noPeople = () =>
  emptyState({
    sign: "people",
    title: t("people.empty"),
    text: t("people.empty.text"),
    action: html`<code>POST /api/v2/sessionstart</code>`,
  });

customElements.define("st-page-people", PeoplePage);
