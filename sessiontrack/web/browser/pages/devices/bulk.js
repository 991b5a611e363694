// Changes to the list of devices: one added by hand, several edited or merged at once. Each resolves to whether it was done.
import { html } from "lit";
import { send } from "../../client.js";
import { ask } from "../../elements/dialog.js";
import { fieldErrors } from "../../elements/field-errors.js";
import { durationField, durationOf, textField } from "../../elements/fields.js";
import { toast } from "../../elements/toast.js";
import { t } from "#i18n";
import { tagsField, tagsOf, textFields, typeField } from "../device/kinds.js";

const nameOf = ({ name, mac }) => name || mac;
/** Of a form, what was filled in. */
const filled = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value?.length !== 0));

/** Add a device before it is ever seen. */
export async function addDevice() {
  const added = await ask({
    title: t("devices.add"),
    action: t("devices.add"),
    body: html`${textField({ name: "mac", label: t("devices.mac"), value: "", required: true, mono: true, most: 40, wrong: t("devices.one.merge.wrong") })}
      ${textField({ name: "name", label: t("devices.one.name"), value: "" })}
      ${textField({ name: "owner", label: t("devices.owner"), value: "" })}
      ${typeField("", t("devices.type.none"))} ${tagsField("tags", t("devices.tags"), [])} ${textFields()}`,
    explain: fieldErrors,
    submit: ({ tags, ...data }) => send("POST", "/devices", filled({ ...data, tags: tagsOf(tags) })),
  });
  if (added) toast(t("devices.added", { name: nameOf(added.device) }));
  return Boolean(added);
}

/** Edit what several devices have in common; what is left as it is stays. */
export async function editSeveral(devices) {
  const yesOrNo = (name, label) => html`<label class="field">
    <span>${label}</span>
    <select name=${name}>
      <option value="">${t("devices.bulk.same")}</option>
      <option value="true">${t("devices.one.yes")}</option>
      <option value="false">${t("devices.one.no")}</option>
    </select>
  </label>`;
  const done = await ask({
    title: t("devices.bulk.edit", { count: devices.length }),
    action: t("devices.one.save"),
    body: html`<p class="muted">${t("devices.bulk.text")}</p>
      ${textField({ name: "owner", label: t("devices.owner"), value: "" })} ${typeField("", t("devices.bulk.same"))}
      ${tagsField("add_tags", t("devices.bulk.add"), [])} ${tagsField("remove_tags", t("devices.bulk.remove"), [])}
      ${durationField({
        name: "grace",
        label: t("devices.one.grace"),
        value: "",
        hint: t("devices.bulk.grace"),
        wrong: t("devices.one.grace.wrong"),
      })}
      ${yesOrNo("alert_down", t("devices.one.alert"))} ${yesOrNo("archived", t("devices.one.archived"))}`,
    explain: fieldErrors,
    submit: ({ add_tags: more, remove_tags: less, alert_down: alert, archived, owner, type, ...data }) => {
      const flags = { alert_down: alert && alert === "true", archived: archived && archived === "true" };
      const grace = durationOf(data, "grace") ?? "";
      const body = filled({ owner, type, grace, ...flags, add_tags: tagsOf(more), remove_tags: tagsOf(less) });
      return send("PATCH", "/devices", { ...body, macs: devices.map(({ mac }) => mac) });
    },
  });
  if (done) toast(t("devices.bulk.done", { count: done.changed }));
  return Boolean(done);
}

/** Merge several devices into one of them. */
export async function mergeSeveral(devices) {
  const done = await ask({
    title: t("devices.bulk.merge", { count: devices.length }),
    action: t("devices.one.merge.do"),
    danger: true,
    body: html`<label class="field">
        <span>${t("devices.bulk.keep")}</span>
        <select name="keeper">
          ${devices.map((each) => html`<option value=${each.mac}>${nameOf(each)} (${each.mac})</option>`)}
        </select>
      </label>
      <p>${t("devices.one.merge.text")}</p>
      <p>${t("devices.one.merge.for_good")}</p>`,
    explain: fieldErrors,
    submit: async ({ keeper }) => {
      for (const { mac } of devices) {
        if (mac !== keeper) await send("POST", `/devices/${keeper}/merge`, { mac });
      }
      return true;
    },
  });
  if (done) toast(t("devices.one.merged"));
  return Boolean(done);
}
