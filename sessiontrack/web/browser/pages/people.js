import { html, nothing } from "lit";
import { get, getList } from "../client.js";
import { StElement } from "../element.js";
import { colorsOf, together, viewBars } from "../elements/bars.js";
import "../elements/days.js";
import { pager, SIZES } from "../elements/pager.js";
import { badge, emptyState, failure, pageHeader, segments } from "../elements/parts.js";
import { periodValue } from "../elements/period.js";
import "../elements/table.js";
import { pathName } from "../elements/views.js";
import { address, locale } from "#here";
import { t } from "#i18n";
import { Live, ofPeople } from "../live.js";
import { formatDuration, formatSeconds, instant } from "../time.js";
import { UrlState } from "../url-state.js";

import "./people.css";

const SHOWN = ["sessions", "views", "days"];
const STATES = { all: undefined, now: true, before: false };
// The users to choose from: those with a session in this period.
const NAMES_PERIOD = "1 year";
const SUMS_MS = 60_000; // sums of a period change little from ping to ping

/** The users of the web UI: their sessions, their time per page, and their days. */
class PeoplePage extends StElement {
  static properties = { names: { state: true }, found: { state: true }, error: { state: true } };

  #state = new UrlState(this, {
    show: "sessions",
    users: "",
    active: "all",
    after: "",
    before: "",
    period: "30 days",
    from: "",
    to: "",
    page: 1,
    size: SIZES[0],
  });
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

  #columns = [
    { label: t("people.user"), kind: "main", cell: userCell },
    { label: t("people.state"), kind: "state", cell: stateCell },
    { label: t("people.start"), kind: "number", cell: ({ start }) => instant(start) },
    { label: t("people.last_ping"), kind: "number", leaves: 1, cell: ({ last_ping: at }) => instant(at) },
    { label: t("people.length"), kind: "number", leaves: 2, cell: (row) => formatDuration(row.last_ping - row.start) },
    { label: t("people.visible"), kind: "number", cell: ({ visible_duration: seconds }) => formatSeconds(seconds) },
  ];

  connectedCallback() {
    super.connectedCallback();
    addEventListener("st-back", this.#back);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("st-back", this.#back);
  }

  /** Load the names when the choice opens, because a year is much to read; names in the address are kept anyway. */
  async #loadNames() {
    if (this.names) return;
    const stats = await get("/api/v2/session-stats", { params: { period: NAMES_PERIOD } }).catch(() => []);
    this.names = stats.map(({ username }) => username);
  }

  get #users() {
    return this.#state.value.users.split(",").filter(Boolean).map(decoded);
  }

  #load = async ({ limit, offset, signal }) => {
    const { active, after, before } = this.#state.value;
    const params = {
      "usernames[]": this.#users,
      active: STATES[active],
      started_after: after,
      stopped_before: before,
      limit,
      offset,
    };
    const { data, total } = await getList("/api/v2/sessions", { params, signal });
    return { rows: data, total };
  };

  updated() {
    const { show, users, page, size } = this.#state.value;
    const span = periodValue(this.#state.value);
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
          change: (value) => this.#state.set({ show: value }, { clear: ["page"] }),
        })}
        ${this.#userChoice()}
      </div>
      ${show === "views" || show === "days" ? this.#stats(show) : this.#sessions()}
    `;
  }

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
    const { users, active, after, before } = this.#state.value;
    const instantField = (name, value) => html`<label class="field">
      <span>${t(`people.${name}`)}</span>
      <input type="datetime-local" .value=${value} @change=${(event) => this.#limit(name, event)} />
    </label>`;
    return html`<st-table
      no-search
      caption=${t("people.caption")}
      .columns=${this.#columns}
      .load=${this.#load}
      .keyOf=${({ _id: id }) => id}
      .filters=${{ users, active, after, before }}
      ?filtered=${Boolean(users || after || before || active !== "all")}
      .empty=${noPeople()}
      .controls=${html`<div class="people-filters">
        ${segments({
          label: t("people.state"),
          value: active,
          options: Object.keys(STATES).map((value) => ({ value, label: t(`people.state.${value}`) })),
          change: (value) => this.#state.set({ active: value }, { clear: ["page"] }),
        })}
        ${instantField("after", after)} ${instantField("before", before)}
      </div>`}
      @st-reset=${() => this.#state.set({ users: "", active: "all", after: "", before: "" }, { clear: ["page"] })}
    ></st-table>`;
  }

  #limit(name, event) {
    if (event.target.validity.valid) this.#state.set({ [name]: event.target.value }, { clear: ["page"] });
  }

  #stats(show) {
    const isHere = this.found?.show === show;
    return html`<div class="table-tools">
        <st-period usual="30 days"></st-period>
      </div>
      ${this.error
        ? html`<div class="card">${failure(this.error, this.#again)}</div>`
        : isHere
          ? this.#statsOf(show)
          : html`<div class="card skeleton" aria-busy="true"><div></div><div></div><div></div></div>`}`;
  }

  #days(rows) {
    return html`<div class="card">
      <st-days class="days" .rows=${rows}></st-days>
      ${pager({
        ...this.found,
        turn: (to) => this.#state.set({ page: to }),
        resize: (to) => this.#state.set({ size: to }, { clear: ["page"] }),
      })}
    </div>`;
  }

  #statsOf(show) {
    const { rows } = this.found;
    if (!rows.length) return html`<div class="card">${noPeople()}</div>`;
    if (show === "days") return this.#days(rows);
    const all = together(rows.map((row) => row.tab_duration));
    const total = rows.reduce((sum, row) => sum + row.visible_duration, 0);
    return html`<div class="people-columns">
      <section class="card" aria-labelledby="people-views">
        <h2 id="people-views">${t("people.views")}</h2>
        <p class="muted">${t("people.views.total", { time: formatDuration(total) })}</p>
        ${viewBars(all, { colors: colorsOf(Object.keys(all)) })}
      </section>
      <section class="card" aria-labelledby="people-each">
        <h2 id="people-each">${t("people.each")}</h2>
        <p class="muted">${t("people.each.lead")}</p>
        ${viewBars(Object.fromEntries(rows.map((row) => [row.username, row.visible_duration])), { nameOf: (name) => name })}
      </section>
    </div>`;
  }
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
