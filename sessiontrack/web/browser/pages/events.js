import { html } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { get, queryOf } from "../client.js";
import { StElement } from "../element.js";
import { historyColumns, historyLoader, historyParams, historyTotals, listsSessions } from "../elements/history.js";
import { emptyState, pageHeader, segments } from "../elements/parts.js";
import { periodValue } from "../elements/period.js";
import "../elements/table.js";
import { toast } from "../elements/toast.js";
import { address, command } from "#here";
import { t } from "#i18n";
import { icon } from "../icons.js";
import { Live, ofDevices } from "../live.js";
import { UrlState } from "../url-state.js";
import "./events.css";

const TYPES = ["all", "sessions", "missing", "missing_connection", "missing_disconnection", "voided", "new", "down"];
const NEWEST_FIRST = "-order_time";

/** Events and sessions of a period, by type. */
class EventsPage extends StElement {
  static properties = { totals: { state: true } };

  #state = new UrlState(this, { type: "all", period: "7 days", from: "", to: "", q: "", sort: NEWEST_FIRST });
  #following = new Live(this, ofDevices, () => this.querySelector("st-table")?.refresh());

  render() {
    const span = periodValue(this.#state.value);
    const type = this.#type;
    const load = historyLoader({ type, span });
    return html`
      ${pageHeader({ title: t("nav.events"), lead: t("events.lead"), actions: this.#actions() })}
      <details class="card about">
        <summary>${icon("info")}<span>${t("events.about")}</span>${icon("down")}</summary>
        <dl>
          <dt>${t("events.about.voided")}</dt>
          <dd>${t("history.voided.text")}</dd>
          <dt>${t("events.about.missing")}</dt>
          <dd>${t("history.missing.text")}</dd>
        </dl>
      </details>
      ${keyed(
        listsSessions(type),
        html`<st-table
          caption=${t(`history.type.${type}`)}
          sort=${NEWEST_FIRST}
          .columns=${historyColumns(type, { withDevice: true })}
          .load=${(asked) => this.#load(load, span, asked)}
          .filters=${{ type, ...span }}
          .empty=${empty(type)}
          .controls=${this.#types(type)}
        ></st-table>`,
      )}
    `;
  }

  get #type() {
    const { type } = this.#state.value;
    return TYPES.includes(type) ? type : TYPES[0];
  }

  async #load(load, span, asked) {
    const [found, totals] = await Promise.all([load(asked), historyTotals({ span }, asked.signal)]);
    this.totals = totals;
    return found;
  }

  #types(type) {
    return segments({
      label: t("history.filter"),
      value: type,
      options: TYPES.map((each) => ({ value: each, label: t(`history.type.${each}`), count: this.totals?.[each] })),
      change: (chosen) => this.#state.set({ type: chosen }, { clear: ["page", "sort"] }),
    });
  }

  #actions() {
    const { q, sort } = this.#state.value;
    const params = historyParams({ type: this.#type, span: periodValue(this.#state.value), search: q, sort });
    const href = address("/sessions/session-events.csv") + queryOf(params);
    return html`<st-period usual="7 days"></st-period>
      <a class="button" href=${href} download @click=${download}>${icon("download")}${t("events.download")}</a>`;
  }
}

/** The browser downloads the file itself and cannot renew an expired login, so renew it first. */
async function download(event) {
  event.preventDefault();
  const { href } = event.currentTarget;
  try {
    await get("/auth/me");
    location.assign(href);
  } catch (error) {
    toast(t("events.download.failed", { message: error.message }), "error");
  }
}

function empty(type) {
  if (type === "all" || type === "sessions") {
    return emptyState({
      sign: "events",
      title: t("events.empty"),
      text: t("events.empty.text"),
      action: html`<code>${command} scan network --every 60s</code>`,
    });
  }
  const kind = type.startsWith("missing") ? "missing" : type;
  return emptyState({ sign: "check", title: t(`events.empty.${kind}`), text: t(`events.empty.${kind}.text`) });
}

customElements.define("st-page-events", EventsPage);
