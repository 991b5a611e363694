import { html, nothing } from "lit";
import { call, queryOf } from "../client.js";
import { Returning, StElement } from "../element.js";
import { address } from "#here";
import { pathName } from "./views.js";
import { icon } from "../icons.js";
import { t } from "#i18n";
import { instant, isUnrecorded, weekdayInstant } from "../time.js";
import "./copy.js";
import { deviceName, failure } from "./parts.js";
import "./instant.css";

const FEW = 100;
const MOST = 1000;

/** How many were there, in words: "17 devices and 3 people". */
export const howMany = (devices, people) =>
  t("presence.at.both", {
    devices: t("presence.at.devices", { count: devices }),
    people: t("presence.at.people", { count: people }),
  });

const unknown = ({ recorded_since: since }) =>
  since === null ? t("presence.at.never") : t("presence.at.before", { at: weekdayInstant(since) });

/**
 * Who was there at an instant: counted in words, as a list, as a link and as a CSV file.
 *
 * Property: at, an instant as the API takes it: in site time, or with an offset. Event: st-close.
 */
class StInstant extends StElement {
  static properties = { at: {}, found: { state: true }, error: { state: true }, limit: { state: true } };

  #asked = "";
  #loading;
  #again = () => {
    this.#asked = "";
    this.requestUpdate();
  };
  #returning = new Returning(this, () => this.#fetch({ isQuiet: Boolean(this.found) }));

  constructor() {
    super();
    Object.assign(this, { at: "", limit: FEW });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#loading?.abort();
  }

  willUpdate(changed) {
    if (changed.has("at")) Object.assign(this, { limit: FEW, found: undefined, error: undefined });
  }

  updated() {
    const asked = `${this.at} ${this.limit}`;
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#fetch();
  }

  async #fetch({ isQuiet = false } = {}) {
    this.#loading?.abort();
    const { signal } = (this.#loading = new AbortController());
    try {
      const response = await call("GET", "/presence/at", { params: { at: this.at, limit: this.limit }, signal });
      const total = Number(response.headers.get("X-Total-Count"));
      Object.assign(this, { found: { ...(await response.json()), total }, error: undefined });
    } catch (error) {
      if (error.name !== "AbortError" && !isQuiet) this.error = error;
    }
  }

  render() {
    return html`<section class="card instant" aria-labelledby="instant-title" aria-busy=${this.found || this.error ? "false" : "true"}>
      <div class="instant-head">
        <h2 id="instant-title" aria-live="polite">${this.#title()}</h2>
        <div class="instant-actions">
          <st-copy text=${location.origin + this.#link()} label=${t("presence.at.link")}></st-copy>
          <a class="button" href=${address("/presence/at.csv") + queryOf({ at: this.at })} download>${icon("download")}CSV</a>
          <button
            type="button"
            class="button"
            title=${t("presence.at.close")}
            aria-label=${t("presence.at.close")}
            @click=${() => this.dispatchEvent(new Event("st-close"))}
          >
            ${icon("close")}
          </button>
        </div>
      </div>
      ${this.error ? failure(this.error, this.#again) : this.found ? this.#content(this.found) : nothing}
    </section>`;
  }

  #link() {
    return address("/ui/presence") + queryOf({ at: this.at });
  }

  #title() {
    if (!this.found) return this.error ? nothing : t("loading");
    const { at, total, people_total: people } = this.found;
    if (!total && !people && isUnrecorded(this.found)) return weekdayInstant(at);
    return t("presence.at.title", { who: howMany(total, people), at: weekdayInstant(at) });
  }

  #content({ devices, people, total, people_total: peopleTotal, ...found }) {
    const more = () => (this.limit = MOST);
    return html`${peopleTotal
        ? html`<h3>${t("presence.at.people.title")}</h3>
            <ul class="instant-list" role="list">
              ${people.map(
                (each) => html`<li>
                  <a href=${address(`/ui/people/${each._id}`)}>${each.username}</a>
                  <small class="muted">${pathName(each.path)}</small>
                </li>`,
              )}
            </ul>`
        : nothing}
      ${total
        ? html`<h3>${t("presence.at.devices.title")}</h3>
            <ul class="instant-list" role="list">
              ${devices.map(
                (each) => html`<li>
                  <a href=${address(`/ui/devices/${each.mac}`)}>${deviceName(each)}</a>
                  <small class="muted">${t("presence.at.since")} ${instant(each.since)}${each.ip ? ` · ${each.ip}` : nothing}</small>
                </li>`,
              )}
            </ul>`
        : html`<p class="muted">${isUnrecorded(found) ? unknown(found) : t("presence.at.nobody")}</p>`}
      ${total > devices.length && this.limit < MOST
        ? html`<button type="button" class="button" @click=${more}>${t("presence.at.all", { count: total })}</button>`
        : nothing}`;
  }
}

customElements.define("st-instant", StInstant);
