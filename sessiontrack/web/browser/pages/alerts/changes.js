// Changes to webhooks: each opens a dialog, and resolves to whether something was changed.
import { html } from "lit";
import { send } from "../../client.js";
import "../../elements/copy.js";
import { ask, open } from "../../elements/dialog.js";
import { checkField, textField } from "../../elements/fields.js";
import { fieldErrors } from "../../elements/field-errors.js";
import { toast } from "../../elements/toast.js";
import { language } from "#here";
import { t } from "#i18n";
import { zone } from "../../time.js";
import { tagsOf } from "../device/kinds.js";

const CONFLICT = 409;
// As in values/webhook_events.py.
export const EVENT_TYPES = [
  "New Device",
  "Device Down",
  "Down Reconnected",
  "flapping",
  "login from a new address",
  "source.silent",
  "source.back",
];
// As in values/webhook_formats.py, each with the address of such a receiver.
const EXAMPLES = {
  json: "https://pager.example/hook",
  ntfy: "https://ntfy.sh/long-random-topic",
  gotify: "https://gotify.example/message?token=...",
  slack: "https://hooks.slack.com/services/...",
  "home-assistant": "http://homeassistant.local:8123/api/webhook/...",
};
const OF_WATCHED = ["Device Down", "Down Reconnected"];

/** Add a webhook; to programs, which can verify a signature, its secret is shown this once. */
export async function addHook() {
  const added = await ask({
    title: t("alerts.add"),
    action: t("alerts.add.do"),
    body: fields({ name: "", format: "json", events: EVENT_TYPES, tags: [] }, t("alerts.field.url.hint"), true),
    submit: async (data) => {
      const body = { name: data.name.trim(), format: data.format, url: data.url.trim(), ...chosenOf(data) };
      return { ...(await send("POST", "/webhooks", body)), format: data.format };
    },
    explain,
  });
  if (!added) return false;
  if (added.format === "json") await show(added);
  toast(t("alerts.added", { name: added.name }));
  return true;
}

/** Change a webhook: only what was edited is sent, and an empty address stays as it is. */
export async function editHook(hook) {
  const done = await ask({
    title: t("alerts.edit.of", { name: hook.name }),
    action: t("alerts.save"),
    body: fields(hook, t("alerts.field.url.kept", { url: hook.url }), false),
    submit: (data) => {
      const changes = chosenOf(data);
      if (data.name.trim() !== hook.name) changes.name = data.name.trim();
      if (data.format !== hook.format) changes.format = data.format;
      if (data.url.trim()) changes.url = data.url.trim();
      return send("PATCH", `/webhooks/${hook.id}`, changes);
    },
    explain,
  });
  if (done) toast(t("alerts.saved", { name: done.webhook.name }));
  return Boolean(done);
}

export async function removeHook({ id, name }) {
  const removed = await ask({
    title: t("alerts.remove.of", { name }),
    body: html`<p>${t("alerts.remove.text")}</p>`,
    action: t("alerts.remove"),
    danger: true,
    submit: () => send("DELETE", `/webhooks/${id}`),
  });
  if (removed) toast(t("alerts.removed", { name }));
  return Boolean(removed);
}

const fields = ({ name, format, events, tags, quiet_from: from, quiet_to: to }, hint, isNew) => html`
  ${textField({ name: "name", label: t("alerts.field.name"), value: name, most: 64, required: true })}
  <label class="field">
    <span>${t("alerts.field.format")}</span>
    <select name="format" @change=${({ target }) => explainFormat(target)}>
      ${Object.keys(EXAMPLES).map((each) => html`<option value=${each} ?selected=${each === format}>${t(`alerts.format.${each}`)}</option>`)}
    </select>
    <small class="muted alerts-format">${t(`alerts.format.${format}.text`)}</small>
  </label>
  ${textField({
    name: "url",
    label: t("alerts.field.url"),
    value: "",
    most: 2048,
    required: isNew,
    mono: true,
    example: EXAMPLES[format],
    hint,
    // In English the server says which of it is wrong.
    wrong: language === "en" ? undefined : t("alerts.field.url.wrong"),
  })}
  <fieldset class="alerts-events">
    <legend>${t("alerts.field.events")}</legend>
    ${EVENT_TYPES.map((type) =>
      checkField({
        name: `event ${type}`,
        label: t(`alerts.event.${type}`),
        checked: events.includes(type),
        hint: OF_WATCHED.includes(type) ? t("alerts.event.hint") : "",
      }),
    )}
  </fieldset>
  ${textField({ name: "tags", label: t("alerts.field.tags"), value: tags.join(", "), most: 800, hint: t("alerts.field.tags.hint") })}
  <fieldset class="alerts-events alerts-quiet">
    <legend>${t("alerts.field.quiet")}</legend>
    ${timeField("quiet_from", t("alerts.field.quiet.from"), from)} ${timeField("quiet_to", t("alerts.field.quiet.to"), to)}
    <small class="muted">${t("alerts.field.quiet.hint", { zone })}</small>
  </fieldset>
`;

const timeField = (name, label, value) => html`<div>
  <label class="field">
    <span>${label}</span>
    <input type="time" name=${name} .value=${value ?? ""} data-wrong=${t("alerts.field.quiet.wrong")} />
  </label>
</div>`;

/** Which events are sent, and when. */
const chosenOf = (data) => ({ events: eventsOf(data), tags: tagsOf(data.tags), ...quietOf(data) });

const quietOf = ({ quiet_from: from, quiet_to: to }) => ({ quiet_from: from || null, quiet_to: to || null });

function explainFormat({ form, value }) {
  form.querySelector(".alerts-format").textContent = t(`alerts.format.${value}.text`);
  form.elements.url.placeholder = EXAMPLES[value];
}

function eventsOf(data) {
  const chosen = EVENT_TYPES.filter((type) => `event ${type}` in data);
  if (!chosen.length) throw new Error(t("alerts.field.events.none"));
  // None means all of them, with those that a later version adds.
  return chosen.length === EVENT_TYPES.length ? [] : chosen;
}

const explain = (error) => (error.status === CONFLICT ? { name: t("alerts.taken") } : fieldErrors(error));

const show = ({ name, secret }) =>
  open({
    title: t("alerts.secret", { name }),
    body: html`<p>${t("alerts.secret.text")}</p>
      <div class="copied"><code>${secret}</code><st-copy text=${secret} label=${t("alerts.secret.copy")}></st-copy></div>`,
    buttons: html`<button class="button primary" value="">${t("alerts.secret.kept")}</button>`,
  });
