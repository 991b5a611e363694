// Changes to a device: each opens a dialog, and resolves to whether something was changed.
import { html, nothing } from "lit";
import { get, getList, send } from "../../client.js";
import { ask, confirm } from "../../elements/dialog.js";
import { checkField, durationField, durationOf, minutesOf, textField } from "../../elements/fields.js";
import { fieldErrors } from "../../elements/field-errors.js";
import { toast } from "../../elements/toast.js";
import { address } from "#here";
import { t } from "#i18n";
import { tagsField, tagsOf, textFields, textsOf, typeField } from "./kinds.js";

const path = ({ mac }) => `/devices/${mac}`;
const nameOf = ({ name, mac }) => name || mac;

/** Edit the fields that users maintain. */
export async function edit(device) {
  const { name, owner, type, alert_down, archived, grace } = device;
  const before = { name, owner, type, tags: device.tags.join(), ...textsOf(device), alert_down, archived, grace };
  const done = await ask({
    title: t("devices.one.edit.title"),
    action: t("devices.one.save"),
    body: editFields(before),
    // Send only edited fields: another user may have changed the others meanwhile.
    submit: async (data) => {
      const values = {
        name: data.name.trim(),
        owner: data.owner.trim(),
        type: data.type,
        tags: tagsOf(data.tags).join(),
        ...textsOf(data),
        grace: durationOf(data, "grace"),
        alert_down: "alert_down" in data,
        archived: "archived" in data,
      };
      const isSame = (key, value) =>
        key === "grace" ? minutesOf(value ?? "") === minutesOf(before.grace ?? "") : value === before[key];
      const changes = Object.entries(values).filter(([key, value]) => !isSame(key, value));
      const body = Object.fromEntries(changes.map(([key, value]) => [key, key === "tags" ? tagsOf(value) : value]));
      return changes.length ? send("PATCH", path(device), body) : undefined;
    },
  });
  if (done) toast(t("devices.one.saved"));
  return Boolean(done);
}

const editFields = (values) => html`
  ${textField({ name: "name", label: t("devices.one.name"), value: values.name })}
  ${textField({ name: "owner", label: t("devices.owner"), value: values.owner })}
  ${typeField(values.type, t("devices.type.none"))} ${tagsField("tags", t("devices.tags"), tagsOf(values.tags))}
  ${textFields(values)}
  ${durationField({
    name: "grace",
    label: t("devices.one.grace"),
    value: values.grace ?? "",
    hint: t("devices.one.grace.hint"),
    wrong: t("devices.one.grace.wrong"),
  })}
  ${checkField({
    name: "alert_down",
    label: t("devices.one.alert"),
    checked: values.alert_down,
    hint: t("devices.one.alert.hint"),
  })}
  ${checkField({
    name: "archived",
    label: t("devices.one.archived"),
    checked: values.archived,
    hint: t("devices.one.archived.hint"),
  })}
`;

/** Merge another address and its history into this device. */
export async function merge(device) {
  const { devices } = await get("/devices", { params: { limit: 1000 } });
  const other = await ask({
    title: t("devices.one.merge.title", { name: nameOf(device) }),
    action: t("devices.one.merge.next"),
    body: html`
      <p>${t("devices.one.merge.text")}</p>
      ${textField({
        name: "mac",
        label: t("devices.one.merge.mac"),
        value: "",
        required: true,
        list: "device-merge-list",
        wrong: t("devices.one.merge.wrong"),
        mono: true,
      })}
      <datalist id="device-merge-list">
        ${devices
          .filter(({ mac: each }) => each !== device.mac)
          .map((each) => html`<option value=${each.mac}>${each.name}</option>`)}
      </datalist>
    `,
    explain: (error) => (error.status === 404 ? { mac: t("devices.one.merge.unknown") } : fieldErrors(error)),
    submit: async ({ mac }) => (await get(`/devices/${encodeURIComponent(mac.trim())}`)).device,
  });
  if (!other) return false;
  if (other.mac === device.mac) {
    toast(t("devices.one.merge.same"), "info");
    return false;
  }
  const count = await countSessions(other);
  const names = { other: nameOf(other), mac: other.mac, name: nameOf(device) };
  const agreed = await confirm({
    title: t("devices.one.merge.confirm", names),
    body: html`<p>${t("devices.one.merge.sessions", { count, ...names })}</p>
      <p>${t("devices.one.merge.for_good")}</p>`,
    action: t("devices.one.merge.do"),
    danger: true,
  });
  return agreed && (await tried(() => send("POST", `${path(device)}/merge`, { mac: other.mac }), t("devices.one.merged")));
}

/** Delete the device's sessions, after showing how many there are. */
export async function deleteSessions(device) {
  const count = await countSessions(device);
  if (count === 0) {
    toast(t("devices.one.delete.none"), "info");
    return false;
  }
  const agreed = await confirm({
    title: t("devices.one.delete.title", { count, name: nameOf(device) }),
    body: html`<p>${t("devices.one.delete.text", { count })}</p>
      <p>${t("devices.one.delete.stays")}</p>`,
    action: t("devices.one.delete.do", { count }),
    danger: true,
  });
  return agreed && (await tried(() => send("DELETE", "/sessions/delete", { mac: device.mac }), t("devices.one.deleted")));
}

/** Delete the device with all that is known of it, and go to the list, where it is no more. */
export async function deleteDevice(device) {
  const count = await countSessions(device);
  const agreed = await confirm({
    title: t("devices.one.remove.title", { name: nameOf(device) }),
    body: html`${count ? html`<p>${t("devices.one.remove.text", { count })}</p>` : nothing}
      <p>${t("devices.one.remove.again")}</p>`,
    action: t("devices.one.remove"),
    danger: true,
  });
  if (agreed && (await tried(() => send("DELETE", path(device)), t("devices.one.removed")))) {
    location.replace(address("/ui/devices"));
  }
  return false;
}

const countSessions = async ({ mac }) => (await getList("/sessions/list", { params: { mac, limit: 1 } })).total;

async function tried(what, done) {
  try {
    await what();
  } catch (error) {
    toast(error.message, "error");
    return false;
  }
  toast(done);
  return true;
}
