// The field in which a password is chosen; its texts are in the catalogue `password`.
import { html } from "lit";
import { t } from "#i18n";

const LEAST_PASSWORD = 8;

/** The strength of a password, from 0 to 4, by its length and its number of different characters. */
const strength = (password) => {
  if (password.length < LEAST_PASSWORD || !password.trim()) return 0;
  const different = new Set(password).size;
  return Math.min(4, 1 + Math.floor(Math.min(password.length, different * 2) / 6));
};

const showStrength = ({ target }) => {
  const found = strength(target.value);
  const field = target.closest(".password");
  field.querySelector("meter").value = found;
  field.querySelector("output").value = target.value ? t(`password.${found}`) : "";
};

/** A field for a password that is being chosen, with its strength. */
export const passwordField = ({ name = "password", label = t("password.label") } = {}) => html`<div class="field password">
  <label class="field">
    <span>${label}</span>
    <input
      name=${name}
      type="password"
      autocomplete="new-password"
      minlength=${LEAST_PASSWORD}
      maxlength="1024"
      required
      data-wrong=${t("password.rule")}
      @input=${showStrength}
    />
  </label>
  <span><meter min="0" max="4" low="2" high="3" optimum="4" aria-label=${t("password.strength")}></meter>
    <output aria-live="polite"></output></span>
  <small class="muted">${t("password.rule")}</small>
</div>`;
