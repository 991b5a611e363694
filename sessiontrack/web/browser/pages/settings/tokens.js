import { html } from "lit";
import { get, getList, send } from "../../client.js";
import { StElement } from "../../element.js";
import "../../elements/copy.js";
import { ask, open } from "../../elements/dialog.js";
import { fieldErrors } from "../../elements/field-errors.js";
import { badge, emptyState } from "../../elements/parts.js";
import { toast } from "../../elements/toast.js";
import "../../elements/table.js";
import { fullAddress, user as reader } from "#here";
import { t } from "#i18n";
import { icon } from "../../icons.js";
import { instant } from "../../time.js";
import { ROLES, roleField } from "./users.js";

const CONFLICT = 409;
const DAYS = [7, 30, 90, 365];
const MOST_USERS = 1000;

/** The tokens of scripts, appliances and widgets. */
class Tokens extends StElement {
  #columns = [
    { label: t("settings.token"), kind: "main", cell: ({ name }) => html`<strong>${name}</strong>` },
    { label: t("settings.status"), kind: "state", cell: statusCell },
    { label: t("settings.role"), leaves: 3, cell: ({ role }) => t(`role.${role}`) },
    { label: t("settings.token.user"), leaves: 2, cell: ({ username }) => username },
    { label: t("settings.token.used"), kind: "number", leaves: 5, cell: usedCell },
    { label: t("settings.token.issued"), kind: "number", leaves: 1, cell: ({ created_at: at }) => instant(at) },
    { label: t("settings.token.until"), kind: "number", cell: untilCell },
    { label: t("settings.actions"), kind: "wide", isAction: true, cell: (token) => this.#actions(token) },
  ];

  #load = async ({ limit, offset, signal }) => {
    const { data, total } = await getList("/auth/tokens", { params: { limit, offset }, signal });
    return { rows: data, total };
  };

  render() {
    return html`<st-table
      caption=${t("settings.tokens.caption")}
      file="tokens"
      no-search
      .columns=${this.#columns}
      .load=${this.#load}
      .empty=${emptyState({ sign: "key", title: t("settings.tokens.empty"), text: t("settings.tokens.empty.text") })}
      .controls=${html`<button type="button" class="button primary" @click=${() => this.#issue()}>
        ${icon("plus")}${t("settings.token.issue")}
      </button>`}
    ></st-table>`;
  }

  #actions(token) {
    if (token.revoked_at !== null) {
      return html`<span class="muted">${t("settings.token.revoked_at")} ${instant(token.revoked_at)}</span>`;
    }
    return html`<div class="row-actions">
      <button
        type="button"
        class="button quiet"
        aria-label=${t("settings.token.revoke.of", { name: token.name })}
        @click=${() => this.#revoke(token)}
      >
        ${icon("ban")}${t("settings.token.revoke")}
      </button>
    </div>`;
  }

  async #issue() {
    let users;
    try {
      users = (await get("/users", { params: { limit: MOST_USERS } })).filter((each) => each.disabled_at === null);
    } catch (error) {
      return toast(error.message, "error");
    }
    const issued = await ask({
      title: t("settings.token.issue"),
      body: html`<label class="field">
          <span>${t("settings.token.name")}</span>
          <input name="name" autocomplete="off" maxlength="64" required placeholder=${t("settings.token.example")} />
        </label>
        <label class="field">
          <span>${t("settings.token.user")}</span>
          <select name="username">
            ${users.map(({ username }) => html`<option ?selected=${username === reader}>${username}</option>`)}
          </select>
        </label>
        ${roleField("viewer", ROLES)}
        <label class="field">
          <span>${t("settings.token.until")}</span>
          <select name="days">
            <option value="">${t("settings.token.ever")}</option>
            ${DAYS.map((count) => html`<option value=${count}>${t("settings.token.days", { count })}</option>`)}
          </select>
        </label>`,
      action: t("settings.token.issue"),
      submit: ({ days, ...data }) => send("POST", "/auth/tokens", days ? { ...data, expires_in_days: Number(days) } : data),
      explain: (error) =>
        error.status === CONFLICT
          ? { name: t("settings.token.taken") }
          : error.status === 403
            ? t("settings.token.beyond")
            : fieldErrors(error),
    });
    if (!issued) return;
    await show(issued);
    this.querySelector("st-table").reload();
  }

  async #revoke({ id, name }) {
    const revoked = await ask({
      title: t("settings.token.revoke.of", { name }),
      body: html`<p>${t("settings.token.revoke.text")}</p>`,
      action: t("settings.token.revoke"),
      danger: true,
      submit: () => send("DELETE", `/auth/tokens/${id}`),
    });
    if (!revoked) return;
    toast(t("settings.token.revoked", { name }));
    this.querySelector("st-table").reload();
  }
}

/** Show the secret, only this once, with a line to try it. */
function show({ name, token }) {
  const line = `curl -H "Authorization: Bearer ${token}" ${fullAddress("/auth/me")}`;
  return open({
    title: t("settings.token.new", { name }),
    body: html`<p class="notice" data-kind="warning">${icon("warning")}<span>${t("settings.token.once")}</span></p>
      <div class="copied">
        <code id="new-token">${token}</code><st-copy text=${token} label=${t("settings.token.copy")}></st-copy>
      </div>
      <p class="muted">${t("settings.token.try")}</p>
      <div class="copied"><code>${line}</code><st-copy text=${line} label=${t("settings.token.copy.line")}></st-copy></div>`,
    buttons: html`<button class="button primary" value="">${t("settings.token.kept")}</button>`,
  });
}

const usedCell = ({ last_used_at: at }) => (at === null ? html`<span class="muted">${t("settings.token.unused")}</span>` : instant(at));

const untilCell = ({ expires_at: at }) => (at === null ? t("settings.token.ever") : instant(at));

function statusCell({ revoked_at: revoked, expires_at: expires }) {
  if (revoked !== null) return badge("quiet", t("settings.token.invalid"));
  return expires !== null && expires * 1000 <= Date.now()
    ? badge("quiet", t("settings.token.expired"))
    : badge("plain", t("settings.token.valid"));
}

customElements.define("st-tokens", Tokens);
