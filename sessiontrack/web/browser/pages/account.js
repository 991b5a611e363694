import { html, nothing } from "lit";
import { getList, send } from "../client.js";
import { StElement } from "../element.js";
import { ask } from "../elements/dialog.js";
import { fieldErrors } from "../elements/field-errors.js";
import { badge, emptyState, pageHeader } from "../elements/parts.js";
import { passwordField } from "../elements/password.js";
import "../elements/table.js";
import { toast } from "../elements/toast.js";
import { isProxied, role, user } from "#here";
import { t } from "#i18n";
import { icon } from "../icons.js";
import { instant } from "../time.js";
import "./account.css";

const GONE = 404;
const CONFLICT = 409;

/** The reader's own password and logins. */
class AccountPage extends StElement {
  static properties = { total: { state: true } };

  #columns = [
    { label: t("account.logins.address"), kind: "main", cell: ({ address }) => html`<strong>${address}</strong>` },
    { label: t("account.logins.status"), kind: "state", cell: statusCell },
    { label: t("account.logins.since"), kind: "number", leaves: 2, cell: ({ created_at: at }) => instant(at) },
    { label: t("account.logins.used"), kind: "number", isBeside: true, cell: usedCell },
    { label: t("account.logins.until"), kind: "number", leaves: 1, cell: ({ expires_at: at }) => instant(at) },
    { label: t("account.logins.actions"), kind: "wide", isAction: true, cell: (login) => this.#actions(login) },
  ];

  #load = async ({ limit, offset, signal }) => {
    const { data, total } = await getList("/auth/logins", { params: { limit, offset }, signal });
    this.total = total;
    return { rows: data, total };
  };

  render() {
    return html`
      ${pageHeader({ title: t("nav.account"), lead: t("account.lead", { name: user, role: t(`role.${role}`) }), times: true })}
      <section class="card account-password" aria-labelledby="account-password">
        <div>
          <h2 id="account-password">${t("account.password")}</h2>
          <p class="muted">${t(isProxied ? "account.password.proxy" : "account.password.text")}</p>
        </div>
        ${isProxied
          ? nothing
          : html`<button type="button" class="button" @click=${() => this.#change()}>
              ${icon("key")}${t("account.password.change")}
            </button>`}
      </section>
      <h2 class="account-logins">${t("account.logins")}</h2>
      <st-table
        caption=${t("account.logins.caption")}
        file="logins"
        no-search
        .columns=${this.#columns}
        .load=${this.#load}
        .empty=${emptyState({ sign: "user", title: t("account.logins.empty"), text: t("account.logins.empty.text") })}
        .controls=${html`<button type="button" class="button" ?disabled=${!(this.total > 1)} @click=${() => this.#endOthers()}>
          ${icon("logout")}${t("account.logins.end")}
        </button>`}
      ></st-table>
    `;
  }

  async #change() {
    const changed = await ask({
      title: t("account.password.change"),
      body: html`<input type="hidden" name="username" autocomplete="username" value=${user} />
        <label class="field">
          <span>${t("account.password.old")}</span>
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            maxlength="1024"
            required
            data-wrong=${t("account.password.wrong")}
          />
        </label>
        ${passwordField({ name: "new_password", label: t("account.password.new") })}
        <p class="muted">${t("account.password.text")}</p>`,
      action: t("account.password.change"),
      submit: ({ password, new_password }) => send("POST", "/auth/password", { password, new_password }),
      explain: (error) => (error.status === CONFLICT ? t("account.password.none") : fieldErrors(error)),
    });
    if (changed) this.#done(changed.ended ? t("account.password.changed", { count: changed.ended }) : t("account.password.done"));
  }

  #actions(login) {
    if (login.current) return nothing;
    return html`<div class="row-actions">
      <button
        type="button"
        class="button quiet"
        aria-label=${t("account.login.end.of", { address: login.address })}
        @click=${() => this.#end(login)}
      >
        ${icon("logout")}${t("account.login.end")}
      </button>
    </div>`;
  }

  async #end({ id, address }) {
    const done = await ask({
      title: t("account.login.end.of", { address }),
      body: html`<p>${t("account.login.end.text")}</p>`,
      action: t("account.login.end"),
      danger: true,
      // One that has ended meanwhile is as it should be.
      submit: () => send("DELETE", `/auth/logins/${encodeURIComponent(id)}`).catch(orGone),
    });
    if (done) this.#done(t("account.logins.ended", { count: 1 }));
  }

  async #endOthers() {
    const done = await ask({
      title: t("account.logins.end"),
      body: html`<p>${t("account.logins.end.text")}</p>`,
      action: t("account.logins.end"),
      danger: true,
      submit: () => send("DELETE", "/auth/logins"),
    });
    if (done) this.#done(t("account.logins.ended", { count: done.ended }));
  }

  #done(message) {
    toast(message);
    this.querySelector("st-table").reload();
  }
}

const orGone = (error) => {
  if (error.status !== GONE) throw error;
  return true;
};

const statusCell = ({ current }) =>
  current ? badge("active", t("account.logins.this")) : badge("quiet", t("account.logins.elsewhere"));

const usedCell = ({ current, last_used_at: at }) => (current ? t("account.logins.now") : instant(at));

customElements.define("st-page-account", AccountPage);
