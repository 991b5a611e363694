import { html, nothing } from "lit";
import { get } from "../client.js";
import { StElement } from "../element.js";
import "../elements/curve.js";
import { eventBadge } from "../elements/event-badge.js";
import { badge, deviceName, emptyState, failure, pageHeader } from "../elements/parts.js";
import { sourceState } from "../elements/source-state.js";
import { pathName } from "../elements/views.js";
import { address, command } from "#here";
import { icon } from "../icons.js";
import { formatNumber, t } from "#i18n";
import { NOW } from "../live.js";
import { Polling } from "../polling.js";
import { formatDuration, instant, isUnrecorded, toDate } from "../time.js";
import "./now.css";

const TILES = [
  { status: "connected", sign: "check" },
  { status: "disconnected", sign: "close" },
  { status: "new", sign: "star" },
  { status: "down", sign: "warning" },
];
const MOST_PEOPLE = 8;
const CURVE_STEP = "10 minutes";
const CURVE_SECONDS = 300;
const SOURCES_SECONDS = 60;
const VOIDED = "VOIDED - ";

/** The current state, updated by polling. */
class NowPage extends StElement {
  static properties = { history: { state: true }, troubled: { state: true } };

  #now = new Polling(this, ...NOW);
  #historyAt = 0;
  #sourcesAt = 0;
  #points;

  updated() {
    const { at } = this.#now;
    if (at && at - this.#historyAt >= CURVE_SECONDS) this.#loadHistory(at);
    if (at && at - this.#sourcesAt >= SOURCES_SECONDS) this.#loadSources(at);
  }

  /** The sources that are silent or fail. */
  async #loadSources(at) {
    this.#sourcesAt = at;
    try {
      const { sources } = await get("/presence/sources");
      this.troubled = sources.filter((each) => sourceState(each) !== "ok");
    } catch {
      this.#sourcesAt = 0; // with the next answer
    }
  }

  async #loadHistory(at) {
    this.#historyAt = at;
    try {
      const { points, recorded_since: since } = await get("/presence/online-history", { params: { step: CURVE_STEP } });
      this.history = points.map(({ at, connected }) => [
        toDate(at).getTime() / 1000,
        isUnrecorded({ at, recorded_since: since }) ? null : connected,
      ]);
    } catch {
      this.#historyAt = 0; // reload with the next answer
    }
  }

  render() {
    const { data, error } = this.#now;
    return html`
      ${pageHeader({ title: t("nav.now"), lead: t("now.lead"), actions: this.#live() })}
      ${data ? this.#content(data) : error ? this.#failed(error) : skeleton()}
    `;
  }

  #failed(error) {
    return html`<div class="card">${failure(error, this.#now.ask)}</div>`;
  }

  #live() {
    const { state, at } = this.#now;
    if (state === "loading") return nothing;
    const text = state === "live" ? t("now.live") : at ? html`${t("now.away")} ${instant(at)}` : t("now.away.never");
    return html`<p class="now-live" role="status" data-state=${state}>
      ${badge(state === "live" ? "active" : "warning", text)}
    </p>`;
  }

  #content({ devices, people: sessions, people_total: sessionsTotal, events }) {
    const people = byName(sessions);
    // Sessions beyond the listed ones have no known user.
    const peopleTotal = people.length + sessionsTotal - sessions.length;
    return html`
      ${this.troubled?.length ? warning(this.troubled) : nothing}
      <section class="now-tiles" aria-label=${t("now.devices")}>${TILES.map((tile) => tileOf(tile, devices))}</section>
      <div class="now-columns">
        <section class="card now-curve" aria-labelledby="now-curve">
          <h2 id="now-curve">${t("now.curve")}</h2>
          ${this.#curve(devices)}
        </section>
        <section class="card now-people" aria-labelledby="now-people">
          <h2 id="now-people"><a href=${address("/ui/people")}>${t("now.people")}</a> <span class="count">${formatNumber(peopleTotal)}</span></h2>
          ${people.length ? this.#people(people, peopleTotal) : quiet("people", t("now.people.none"))}
        </section>
        <section class="card now-events" aria-labelledby="now-events">
          <h2 id="now-events">${t("now.events")}</h2>
          ${events.length ? html`<ol role="list">${events.map(eventRow)}</ol>` : quiet("events", t("now.events.none"))}
        </section>
      </div>
    `;
  }

  #curve(devices) {
    if (devices.all === 0) {
      return emptyState({
        sign: "devices",
        title: t("now.empty"),
        text: t("now.empty.text"),
        action: html`<code>${command} scan network --every 60s</code>`,
      });
    }
    if (!this.history) return html`<div class="now-waiting" aria-busy="true"></div>`;
    return html`<st-curve
      label=${t("now.curve")}
      .points=${this.#upToNow(devices.connected)}
      .describe=${(count) => (count === null ? t("now.curve.unrecorded") : t("now.curve.point", { count }))}
    ></st-curve>`;
  }

  /** The history and the later points; the same array while nothing has changed. */
  #upToNow(connected) {
    const { at } = this.#now;
    const last = this.history.at(-1);
    const points = !last || at > last[0] ? [...this.history, [at, connected]] : this.history;
    if (JSON.stringify(points) !== JSON.stringify(this.#points)) this.#points = points;
    return this.#points;
  }

  #people(people, total) {
    const rest = total - Math.min(people.length, MOST_PEOPLE);
    return html`<ul role="list">
        ${people.slice(0, MOST_PEOPLE).map((each) => this.#person(each))}
      </ul>
      ${rest > 0 ? html`<p class="muted now-rest">${t("now.people.rest", { count: rest })}</p>` : nothing}`;
  }

  #person({ _id: id, username, start, last_visible_path: path, others }) {
    return html`<li>
      <span class="avatar" aria-hidden="true">${[...username][0]}</span>
      <div>
        <a href=${address(`/ui/people/${id}`)}>${username}</a>
        ${others ? html`<small class="muted">${t("now.people.others", { count: others })}</small>` : nothing}
        <span class="now-path">${path.length ? pathName(path) : t("now.path.none")}</span>
      </div>
      <div class="now-since muted">
        <span>${t("now.since")} ${instant(start)}</span>
        <span>${formatDuration(Math.max(0, this.#now.at - start))}</span>
      </div>
    </li>`;
  }
}

/** Each user once, with the session whose page was visible last, and the number of `others`. */
function byName(sessions) {
  const people = Object.values(Object.groupBy(sessions, ({ username }) => username));
  return people.map((own) => {
    const seen = own.toSorted((one, other) => other.last_visible_ping - one.last_visible_ping || other.start - one.start);
    return { ...seen[0], others: own.length - 1 };
  });
}

const tileOf = ({ status, sign }, devices) => html`<a
  class="card now-tile"
  data-status=${status}
  ?data-none=${devices[status] === 0}
  href=${address(`/ui/devices?status=${status}`)}
>
  <span class="now-sign">${icon(sign)}</span>
  <span class="now-number">${formatNumber(devices[status])}</span>
  <span class="now-label">${t(`now.tile.${status}`)}</span>
</a>`;

const eventRow = ({ at, mac, name, owner, ip, type, voided, info }) => html`<li>
  <span class="now-when muted">${instant(at)}</span>
  <div class="now-what">
    <a href=${address(`/ui/devices/${mac}`)}>${deviceName({ mac, name })}</a>
    <small class="muted">${[owner, ip, info].filter(Boolean).join(" · ")}</small>
  </div>
  <span class="now-type">${eventBadge(voided ? VOIDED + type : type)}</span>
</li>`;

const quiet = (sign, text) => html`<p class="now-none muted">${icon(sign)}${text}</p>`;

const skeleton = () => html`<div class="card skeleton" aria-busy="true">
  <span class="unseen" role="status">${t("loading")}</span>
  ${Array.from({ length: 8 }, () => html`<div></div>`)}
</div>`;

const warning = (troubled) => html`<div class="notice now-sources" data-kind="warning">
  ${icon("warning")}
  <div>
    ${troubled.map((source) => {
      const state = sourceState(source);
      return html`<p>${t(`now.source.${state}`, { name: source.name })} ${instant(source[`${state}_since`])}</p>`;
    })}
    <a href=${address("/ui/sources")}>${t("now.sources")}</a>
  </div>
</div>`;

customElements.define("st-page-now", NowPage);
