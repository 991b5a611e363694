// What describes a device: its type, tags and texts, and their fields in a dialog.
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

/** Texts that users write about a device: `most` characters each. Page, list and dialogs have them in this order. */
export const TEXTS = [{ name: "notes", most: 1000 }];

/** The label of one of TEXTS. */
export const textLabel = (name) => t(`devices.text.${name}`);

/** The fields for TEXTS in a dialog. @param values their present values by name. */
export const textFields = (values = {}) =>
  TEXTS.map(({ name, most }) => textField({ name, label: textLabel(name), value: values[name] ?? "", most }));

/** The values of TEXTS in a device, or in a dialog's form. */
export const textsOf = (values) => Object.fromEntries(TEXTS.map(({ name }) => [name, values[name].trim()]));
