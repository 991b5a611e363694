// Fields of a form in a dialog.
import { html, nothing } from "lit";

/** A text field. @param list id of a <datalist>. */
export const textField = ({ name, label, value, hint = "", most = 255, list, required = false, mono = false }) => html`
  <label class="field">
    <span>${label}</span>
    <input
      class=${mono ? "mono" : nothing}
      name=${name}
      .value=${value}
      maxlength=${most}
      list=${list ?? nothing}
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
