import { html, nothing } from "lit";
import { get, getList, send } from "../client.js";
import { StElement } from "../element.js";
import { badge, emptyState, failure, nameTab, pageHeader, segments } from "../elements/parts.js";
import "../elements/table.js";
import { toast } from "../elements/toast.js";
import { address } from "#here";
import { formatNumber, t } from "#i18n";
import { icon } from "../icons.js";
import { fullInstant, instant } from "../time.js";
import { UrlState } from "../url-state.js";
import { addHook, editHook, EVENT_TYPES, removeHook } from "./alerts/changes.js";
import { testHook } from "./alerts/test.js";
import "./alerts.css";

const EVERY_MS = 10_000;
const MOST = 1000; // webhooks; there are fewer
const STATES = ["all", "pending", "dead", "delivered"];
const DELIVERY_KINDS = { pending: "warning", delivered: "plain", dead: "danger" };

/** The webhooks, and the deliveries of the one that the address names. */
class AlertsPage extends StElement {
  static properties = { hook: { state: true }, error: { state: true }, testing: { state: true } };

  #state = new UrlState(this, { webhook: 0, state: "all" });
  #timer;

  #columns = [
    { label: t("alerts.name"), kind: "main", cell: nameCell },
    { label: t("alerts.state"), kind: "state", cell: stateCell },
    { label: t("alerts.events"), kind: "wide", leaves: 2, cell: eventsCell },
    { label: t("alerts.last"), kind: "number", leaves: 3, cell: ({ last_delivered_at: at }) => (at === null ? none(t("alerts.never")) : instant(at)) },
    { label: t("alerts.waiting"), kind: "number", leaves: 1, cell: ({ pending }) => formatNumber(pending) },
    { label: t("alerts.actions"), kind: "wide", isAction: true, cell: (hook) => html`<div class="row-actions">${this.#actions(hook, "quiet")}</div>` },
  ];

  #deliveryColumns = [
    { label: t("alerts.delivery.type"), kind: "main", cell: ({ type }) => html`<strong class="words">${t(`alerts.event.${type}`)}</strong>` },
    {
      label: t("alerts.delivery.state"),
      kind: "state",
      cell: ({ state }) => badge(DELIVERY_KINDS[state], t(`alerts.delivery.state.${state}`)),
    },
    { label: t("alerts.delivery.answer"), kind: "wide", cell: answerCell },
    { label: t("alerts.delivery.attempts"), kind: "number", leaves: 1, cell: ({ attempts }) => formatNumber(attempts) },
    { label: t("alerts.delivery.created"), kind: "number", leaves: 5, cell: ({ created_at: at }) => instant(at) },
    { label: t("alerts.delivery.finished"), kind: "number", leaves: 2, cell: ({ finished_at: at }) => (at === null ? none("–") : instant(at)) },
    { label: t("alerts.actions"), kind: "wide", isAction: true, cell: (delivery) => this.#resendButton(delivery) },
  ];

  #load = async ({ limit, offset, signal }) => {
    const { data, total } = await getList("/webhooks", { params: { limit, offset }, signal });
    return { rows: data, total };
  };

  #loadDeliveries = async ({ limit, offset, signal }) => {
    const { webhook, state } = this.#state.value;
    const params = { limit, offset, state: state === "all" ? "" : state };
    const [{ data, total }] = await Promise.all([getList(`/webhooks/${webhook}/deliveries`, { params, signal }), this.#loadHook()]);
    return { rows: data, total };
  };

  connectedCallback() {
    super.connectedCallback();
    if (this.#state.value.webhook) this.#loadHook();
    this.#timer = setInterval(() => document.hidden || this.querySelector("st-table")?.refresh(), EVERY_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  async #loadHook() {
    try {
      const hooks = await get("/webhooks", { params: { limit: MOST } });
      this.hook = hooks.find(({ id }) => id === this.#state.value.webhook);
      this.error = this.hook ? undefined : "gone";
      if (this.hook) nameTab(t("alerts.deliveries.of", { name: this.hook.name }));
    } catch (error) {
      // With the webhook in sight, the table says what is wrong.
      if (!this.hook) this.error = error;
    }
  }

  render() {
    return this.#state.value.webhook ? this.#one() : this.#all();
  }

  #all() {
    return html`
      ${pageHeader({
        title: t("nav.alerts"),
        lead: t("alerts.lead"),
        actions: html`<button type="button" class="button primary" @click=${() => this.#change(addHook)}>
          ${icon("plus")}${t("alerts.add")}
        </button>`,
      })}
      <st-table
        no-search
        caption=${t("alerts.caption")}
        file="webhooks"
        .columns=${this.#columns}
        .load=${this.#load}
        .keyOf=${({ id }) => id}
        .empty=${emptyState({ sign: "alerts", title: t("alerts.empty"), text: t("alerts.empty.text") })}
      ></st-table>
    `;
  }

  #one() {
    const back = html`<a class="back" href=${address("/ui/alerts")}>${icon("left")}${t("nav.alerts")}</a>`;
    if (this.error === "gone") {
      return html`${back}<div class="card">${emptyState({ sign: "search", title: t("alerts.gone") })}</div>`;
    }
    if (this.error) return html`${back}<div class="card">${failure(this.error, () => this.#loadHook())}</div>`;
    if (!this.hook) return html`${back}<div class="card skeleton" aria-busy="true"><div></div><div></div><div></div></div>`;
    const { name, dead, pending } = this.hook;
    const { state } = this.#state.value;
    const counts = { dead, pending };
    return html`${back}
      <header class="page-head">
        <div>
          <h1>${t("alerts.deliveries.of", { name })}</h1>
          <p class="alerts-about">${stateCell(this.hook)} <span class="muted">${eventsCell(this.hook)}</span></p>
        </div>
        <div class="page-actions">
          ${dead
            ? html`<button type="button" class="button" @click=${() => this.#resend({})}>
                ${icon("refresh")}${t("alerts.resend.dead", { count: dead })}
              </button>`
            : nothing}
          ${this.#actions(this.hook)}
        </div>
      </header>
      <st-table
        no-search
        caption=${t("alerts.deliveries.caption")}
        file="deliveries"
        .columns=${this.#deliveryColumns}
        .load=${this.#loadDeliveries}
        .keyOf=${({ id }) => id}
        .filters=${{ state }}
        .controls=${segments({
          label: t("alerts.delivery.state"),
          value: STATES.includes(state) ? state : "all",
          options: STATES.map((value) => ({ value, label: t(`alerts.delivery.state.${value}`), count: counts[value] })),
          change: (chosen) => this.#state.set({ state: chosen }, { clear: ["page"] }),
        })}
        .empty=${emptyState({ sign: "send", title: t("alerts.deliveries.empty"), text: t("alerts.deliveries.empty.text") })}
      ></st-table>`;
  }

  #actions(hook, kind = "") {
    const { id, name } = hook;
    const button = (sign, text, label, press, isBusy = false) => html`<button
      type="button"
      class="button ${kind}"
      aria-label=${label}
      ?disabled=${isBusy}
      @click=${press}
    >
      ${icon(sign)}${text}
    </button>`;
    return html`
      ${button("send", t("alerts.test"), t("alerts.test.of", { name }), () => this.#test(hook), this.testing === id)}
      ${button("edit", t("alerts.edit"), t("alerts.edit.of", { name }), () => this.#change(() => editHook(hook)))}
      ${button("trash", t("alerts.remove"), t("alerts.remove.of", { name }), () => this.#remove(hook))}
    `;
  }

  #resendButton({ id, type, created_at: at, state }) {
    if (state === "pending") return nothing;
    const label = t("alerts.resend.of", { type: t(`alerts.event.${type}`), time: fullInstant(new Date(at * 1000)) });
    return html`<div class="row-actions">
      <button type="button" class="button quiet" aria-label=${label} @click=${() => this.#resend({ delivery: id })}>
        ${icon("refresh")}${t("alerts.resend")}
      </button>
    </div>`;
  }

  async #change(how) {
    if (await how()) this.#refresh();
  }

  async #remove(hook) {
    if (!(await removeHook(hook))) return;
    if (this.#state.value.webhook) location.assign(address("/ui/alerts"));
    else this.#refresh();
  }

  async #test(hook) {
    this.testing = hook.id;
    this.#redraw();
    await testHook(hook);
    this.testing = undefined;
    this.#refresh();
  }

  async #resend(which) {
    try {
      await send("POST", `/webhooks/${this.hook.id}/retry`, which);
      toast(t("alerts.resent"));
    } catch (error) {
      toast(error.message, "error");
    }
    this.#refresh();
  }

  #refresh() {
    this.#redraw();
    this.querySelector("st-table")?.refresh();
  }

  /** The cells of the table depend on the page's state. */
  #redraw() {
    this.querySelector("st-table")?.requestUpdate();
  }
}

const none = (text) => html`<span class="muted">${text}</span>`;

const nameCell = ({ id, name, url, format }) =>
  html`<a href=${address(`/ui/alerts?webhook=${id}`)}>${name}</a
    ><small class="muted">${format === "json" ? "" : `${t(`alerts.format.${format}`)}: `}${url}</small>`;

function stateCell({ dead, failures, last_delivered_at: last }) {
  if (failures) return badge("warning", t("alerts.state.failing"));
  if (dead) return badge("danger", t("alerts.state.dead", { count: dead }));
  return last === null ? badge("quiet", t("alerts.state.unused")) : badge("plain", t("alerts.state.ok"));
}

function eventsCell({ events, tags, last_error: error, dropped, quiet_from: from, quiet_to: to }) {
  const told = events.length === EVENT_TYPES.length ? t("alerts.everything") : events.map((each) => t(`alerts.event.${each}`)).join(", ");
  return html`${told}${tags.length ? html`; ${t("alerts.tags", { tags: tags.join(", ") })}` : nothing}${from ? html`, ${t("alerts.quiet", { from, to })}` : nothing}
    ${error ? html`<small class="alerts-error"><q>${error}</q></small>` : nothing}
    ${dropped ? html`<small class="alerts-error">${t("alerts.dropped", { count: dropped })}</small>` : nothing}`;
}

function answerCell({ state, status, error, next_at: next, attempts }) {
  if (state === "delivered") return t("alerts.delivery.answered", { status });
  const why = error ? html`<q>${error}</q>` : nothing;
  if (state === "dead") return why;
  return attempts ? html`${why}${error ? ", " : nothing}${t("alerts.delivery.next")} ${instant(next)}` : none("–");
}

customElements.define("st-page-alerts", AlertsPage);
