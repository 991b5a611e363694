// The device's own timeline, and its latest sessions.
import { html, nothing } from "lit";
import { getList } from "../../client.js";
import { StElement } from "../../element.js";
import { badge, failure } from "../../elements/parts.js";
import { address, locale } from "#here";
import { t } from "#i18n";
import { icon } from "../../icons.js";
import { formatDuration, instant, zone } from "../../time.js";
import { apiSource, iso } from "../../timeline/api-source.js";
import { Calendar } from "../../timeline/calendar.js";
import "../../timeline/element.js";
import { SPANS } from "../../timeline/view.js";

const ZOOM = 2;
const LATEST = 5;

/** Property: device, as the API answers it. */
class DeviceStrip extends StElement {
  static properties = { device: { attribute: false }, sessions: { state: true }, error: { state: true }, view: { state: true } };

  #calendar = new Calendar(zone, locale);

  #source;
  #of = "";

  willUpdate(changed) {
    if (!changed.has("device")) return;
    const of = `${this.device.mac} ${this.device.archived}`;
    if (of !== this.#of) this.#source = apiSource({ mac: this.device.mac, status: this.device.archived ? "archived" : "all" });
    this.#of = of;
    this.#load();
  }

  #load = async () => {
    const params = { mac: this.device.mac, type: "sessions", period: "all", limit: LATEST, format: "json" };
    try {
      const { data } = await getList("/sessions/session-events", { params });
      Object.assign(this, { sessions: data.events, error: undefined });
    } catch (error) {
      this.error = error;
    }
  };

  /** What is in sight, in words. */
  get #title() {
    const { span, until, from, to } = this.view ?? { span: SPANS.week, until: null };
    const isUsual = until === null && Math.round(span) === SPANS.week;
    return isUsual ? t("devices.one.strip") : this.#calendar.range(from, Math.min(to, Date.now() / 1000));
  }

  get #timeline() {
    return this.querySelector("st-timeline");
  }

  render() {
    const button = (name, sign, does) =>
      html`<button type="button" class="button" title=${name} aria-label=${name} @click=${does}>${sign}</button>`;
    return html`<section class="device-strip" aria-labelledby="device-strip">
      <div class="section-head">
        <h2 id="device-strip" aria-live="polite">${this.#title}</h2>
        <div class="strip-buttons">
          ${button(t("devices.one.earlier"), icon("left"), () => this.#timeline.move(-0.8))}
          <button type="button" class="button" @click=${() => this.#timeline.live()}>${t("devices.one.now")}</button>
          ${button(t("devices.one.later"), icon("right"), () => this.#timeline.move(0.8))}
          ${button(t("devices.one.closer"), icon("plus"), () => this.#timeline.zoom(1 / ZOOM))}
          ${button(t("devices.one.wider"), icon("minus"), () => this.#timeline.zoom(ZOOM))}
        </div>
      </div>
      <div class="card">
        <st-timeline
          .source=${this.#source}
          .span=${SPANS.week}
          .until=${null}
          @st-view=${({ detail }) => (this.view = detail)}
          @st-open=${(event) => event.preventDefault()}
          @st-instant=${({ detail }) => location.assign(presenceAt(iso(detail.at)))}
        ></st-timeline>
      </div>
      <h3>${t("devices.one.latest")}</h3>
      ${this.error ? html`<div class="card">${failure(this.error, this.#load)}</div>` : this.#latest()}
    </section>`;
  }

  #latest() {
    if (!this.sessions) return nothing;
    if (!this.sessions.length) {
      return html`<p class="muted">${t("devices.one.latest.none")}</p>`;
    }
    return html`<ol class="card latest" role="list">
      ${this.sessions.map(
        (each) => html`<li>
          <span>${end(each.connected_at)} – ${each.still_connected ? badge("ok", t("history.open")) : end(each.disconnected_at, each.connected_at)}</span>
          <small class="muted">${each.duration_seconds === null ? nothing : formatDuration(each.duration_seconds)}</small>
          <small class="muted mono">${each.ip}</small>
        </li>`,
      )}
    </ol>`;
  }
}

/** An end of a session; it leads to who was there then. @param begin the other end: their day is said once. */
const end = (at, begin) =>
  at === null
    ? html`<span class="muted">${t("history.missing")}</span>`
    : html`<a href=${presenceAt(at)} title=${t("devices.one.at")}>${instant(at, begin)}</a>`;

/** The page of presence at an instant with its offset. */
const presenceAt = (at) => `${address("/ui/presence")}?at=${encodeURIComponent(at)}`;

customElements.define("st-device-strip", DeviceStrip);
