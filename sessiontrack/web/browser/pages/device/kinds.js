// The types of devices, and the fields of a dialog that describe one.
import { html } from "lit";
import { textField } from "../../elements/fields.js";
import { t } from "#i18n";
import { icon } from "../../icons.js";

const TYPES = ["phone", "laptop", "tv", "printer", "camera", "iot", "server", "network"];

/** The type's icon, with its name for screen readers; nothing for a device without a type. */
export const typeIcon = (type) =>
  type ? html`<span class="device-type" title=${t(`devices.type.${type}`)}>${icon(`type-${type}`)}</span>` : "";

/** A choice of type. @param none the text for no choice. */
export const typeField = (value, none) => html`<label class="field">
  <span>${t("devices.type")}</span>
  <select name="type">
    <option value="" ?selected=${!value}>${none}</option>
    ${TYPES.map((each) => html`<option value=${each} ?selected=${each === value}>${t(`devices.type.${each}`)}</option>`)}
  </select>
</label>`;

/** A field for tags, divided by commas. */
export const tagsField = (name, label, tags) =>
  textField({ name, label, value: tags.join(", "), most: 800, hint: t("devices.tags.hint") });

/** The tags of such a field. */
export const tagsOf = (text) =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);

/** Tags as small labels. */
export const tagList = (tags) => tags.map((each) => html`<span class="tag">${each}</span> `);

export const notesField = (value) => textField({ name: "notes", label: t("devices.notes"), value, most: 1000 });
