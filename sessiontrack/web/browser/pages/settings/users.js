import { html, nothing } from "lit";
import { getList, send } from "../../client.js";
import { StElement } from "../../element.js";
import { ask } from "../../elements/dialog.js";
import { fieldErrors } from "../../elements/field-errors.js";
import { passwordField } from "../../elements/password.js";
import { badge } from "../../elements/parts.js";
import { toast } from "../../elements/toast.js";
import "../../elements/table.js";
import { user as reader } from "#here";
import { t } from "#i18n";
import { icon } from "../../icons.js";
import { instant } from "../../time.js";

export const ROLES = ["viewer", "operator", "admin"];
const CONFLICT = 409;

/** A choice of role, with its permissions. */
export const roleField = (chosen, roles = ROLES) => html`<fieldset class="choices">
  <legend>${t("settings.role")}</legend>
  ${roles.map(
    (role) => html`<label>
      <input type="radio" name="role" value=${role} ?checked=${role === chosen} />
      <span><strong>${t(`role.${role}`)}</strong><small class="muted">${t(`settings.role.${role}`)}</small></span>
    </label>`,
  )}
</fieldset>`;

/** The accounts. */
class Users extends StElement {
  #columns = [
    { label: t("settings.user"), kind: "main", cell: nameCell },
    { label: t("settings.status"), kind: "state", cell: statusCell },
    { label: t("settings.role"), cell: ({ role }) => t(`role.${role}`) },
    { label: t("settings.created"), kind: "number", leaves: 1, cell: ({ created_at: at }) => instant(at) },
    { label: t("settings.actions"), kind: "wide", isAction: true, cell: (user) => this.#actions(user) },
  ];

  #load = async ({ limit, offset, signal }) => {
    const { data, total } = await getList("/users", { params: { limit, offset }, signal });
    return { rows: data, total };
  };

  render() {
    return html`<st-table
      caption=${t("settings.users.caption")}
      file="users"
      no-search
      .columns=${this.#columns}
      .load=${this.#load}
      .controls=${html`<button type="button" class="button primary" @click=${() => this.#add()}>
        ${icon("plus")}${t("settings.user.add")}
      </button>`}
    ></st-table>`;
  }

  #actions(user) {
    const { username, disabled_at: disabled } = user;
    const button = (name, sign, act) => html`<button
      type="button"
      class="button quiet"
      title=${t(`settings.user.${name}`)}
      aria-label=${t(`settings.user.${name}.of`, { name: username })}
      @click=${() => act.call(this, user)}
    >
      ${icon(sign)}
    </button>`;
    return html`<div class="row-actions">
      ${button("role", "edit", this.#changeRole)} ${button("passwd", "key", this.#changePassword)}
      ${disabled === null ? button("disable", "ban", this.#disable) : button("enable", "check", this.#enable)}
      ${button("remove", "trash", this.#remove)}
    </div>`;
  }

  async #add() {
    const added = await ask({
      title: t("settings.user.add"),
      body: html`<label class="field">
          <span>${t("settings.user.name")}</span>
          <input name="username" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="64" required />
        </label>
        ${passwordField()} ${roleField("viewer")}`,
      action: t("settings.user.add"),
      submit: (data) => send("POST", "/users", data),
      explain: explain({ username: t("settings.user.taken") }),
    });
    if (added) this.#done(t("settings.user.added", { name: added.user.username }));
  }

  async #changeRole({ username, role }) {
    const changed = await ask({
      title: t("settings.user.role.of", { name: username }),
      body: roleField(role),
      action: t("settings.save"),
      submit: (data) => change(username, data),
      explain: explain(lastAdmin(username)),
    });
    if (changed) this.#done(t("settings.user.changed", { name: username }), username);
  }

  async #changePassword({ username }) {
    const changed = await ask({
      title: t("settings.user.passwd.of", { name: username }),
      body: html`${passwordField()}
        <p class="muted">${username === reader ? t("settings.user.passwd.self") : t("settings.user.passwd.text")}</p>`,
      action: t("settings.save"),
      submit: (data) => change(username, data),
      explain: explain(""),
    });
    if (changed) this.#done(t("settings.user.changed", { name: username }), username);
  }

  async #disable({ username }) {
    const changed = await ask({
      title: t("settings.user.disable.of", { name: username }),
      body: html`<p>${t("settings.user.disable.text")}</p>`,
      action: t("settings.user.disable"),
      danger: true,
      submit: () => change(username, { disabled: true }),
      explain: explain(lastAdmin(username)),
    });
    if (changed) this.#done(t("settings.user.disabled", { name: username }), username);
  }

  async #enable({ username }) {
    try {
      await change(username, { disabled: false });
      this.#done(t("settings.user.enabled", { name: username }));
    } catch (error) {
      toast(error.message, "error");
    }
  }

  async #remove({ username }) {
    const removed = await ask({
      title: t("settings.user.remove.of", { name: username }),
      body: html`<p>${t("settings.user.remove.text")}</p>`,
      action: t("settings.user.remove"),
      danger: true,
      submit: () => send("DELETE", address(username)),
      explain: explain(lastAdmin(username)),
    });
    if (removed) this.#done(t("settings.user.removed", { name: username }), username);
  }

  /** Confirm the change; after a change to the own account, reload the page for its new permissions. */
  #done(message, username) {
    if (username === reader) return location.reload();
    toast(message);
    this.querySelector("st-table").reload();
  }
}

const address = (username) => `/users/${encodeURIComponent(username)}`;
const change = (username, changes) => send("PATCH", address(username), changes);
const lastAdmin = (name) => t("settings.user.last", { name });

/** What to say of an error: a conflict always has the same cause here. */
const explain = (conflict) => (error) => (error.status === CONFLICT ? conflict : fieldErrors(error));

function nameCell({ username }) {
  return html`<strong>${username}</strong>${username === reader
      ? html`<small class="muted">${t("settings.user.self")}</small>`
      : nothing}`;
}

function statusCell({ disabled_at: disabled }) {
  return disabled === null ? badge("plain", t("settings.user.active")) : badge("quiet", t("settings.user.barred"));
}

customElements.define("st-users", Users);
