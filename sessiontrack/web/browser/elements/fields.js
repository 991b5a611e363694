// Fields of a form in a dialog.
import { html, nothing } from "lit";
import { t } from "#i18n";

/** A text field. @param list id of a <datalist>. @param example of a value. @param wrong what the field takes, for a value that was refused. */
export const textField = ({ name, label, value, hint = "", most = 255, list, required = false, mono = false, example, wrong }) => html`
  <label class="field">
    <span>${label}</span>
    <input
      class=${mono ? "mono" : nothing}
      name=${name}
      .value=${value}
      maxlength=${most}
      list=${list ?? nothing}
      placeholder=${example ?? nothing}
      data-wrong=${wrong ?? nothing}
      ?required=${required}
      autocomplete="off"
    />
    ${hint ? html`<small class="muted">${hint}</small>` : nothing}
  </label>
`;

/** A checkbox. */
export const checkField = ({ name, label, checked, hint = "" }) => html`
  <label class="check">
    <input type="checkbox" name=${name} .checked=${checked} />
    <span>${label}${hint ? html`<small class="muted">${hint}</small>` : nothing}</span>
  </label>
`;

const UNITS = [
  ["days", 1440],
  ["hours", 60],
  ["minutes", 1],
];

/** A length of time: a number, and its unit as `${name}_unit`. @param value such as "1 hour 30 minutes", "" for none. */
export function durationField({ name, label, value, hint, wrong }) {
  const minutes = minutesOf(value);
  const [unit, length] = UNITS.find(([, each]) => minutes && minutes % each === 0) ?? UNITS.at(-1);
  return html`<div class="duration">
    <label class="field">
      <span>${label}</span>
      <input type="number" name=${name} min="1" max="999999" step="1" .value=${minutes ? minutes / length : ""} data-wrong=${wrong} />
    </label>
    <select name="${name}_unit" aria-label=${t("unit")}>
      ${UNITS.map(([each]) => html`<option value=${each} ?selected=${each === unit}>${t(`unit.${each}`)}</option>`)}
    </select>
    <small class="muted">${hint}</small>
  </div>`;
}

/** What the API takes of that field. @param data the form's. */
export const durationOf = (data, name) => (data[name] ? `${Number(data[name])} ${data[`${name}_unit`]}` : null);

/** The minutes of a period as the API writes it: "2 hours" is 120. */
export function minutesOf(text) {
  const parts = text.matchAll(/(\d+) (day|hour|minute)/g);
  return parts.reduce((sum, [, number, unit]) => sum + number * UNITS.find(([each]) => each.startsWith(unit))[1], 0);
}
