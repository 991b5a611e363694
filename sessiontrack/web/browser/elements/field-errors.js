// What the server refuses in a form, said at the field.
import { language } from "#here";
import { t } from "#i18n";

/**
 * The texts of an ApiError by field; its message if it is not about fields. The server's texts are in English: in other
 * languages, and where its own text says more, a field's data-wrong says what it takes.
 */
export function fieldErrors({ message, errors = {} }) {
  return Object.keys(errors).length ? errors : message;
}

/**
 * Show them in the form, mark the fields, and focus the first one.
 *
 * @param said a text; or by field a text of the page's own, or the server's texts.
 */
export function showErrors(form, said) {
  const problem = form.querySelector("p[role=alert]");
  for (const input of form.querySelectorAll("[aria-invalid]")) clear(input);
  const isGeneral = typeof said === "string";
  const others = isGeneral ? [said] : [];
  let first;
  for (const [name, text] of isGeneral ? [] : Object.entries(said)) {
    const input = form.elements[name];
    const words = typeof text === "string" ? text : (input?.dataset?.wrong ?? (language === "en" ? text.join(" ") : t("error.field")));
    if (input instanceof HTMLElement) mark(input, words);
    else others.push(`${name}: ${words}`);
    if (input instanceof HTMLElement) first ??= input;
  }
  problem.textContent = others.join(" ");
  problem.hidden = !others.length;
  first?.focus();
}

function mark(input, words) {
  const note = document.createElement("small");
  Object.assign(note, { className: "field-error", id: `error-of-${input.name}`, textContent: words });
  note.setAttribute("role", "alert");
  // Beside the label: within, it would be part of the field's name.
  input.closest("label").after(note);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", note.id);
  input.addEventListener("input", () => clear(input), { once: true });
}

function clear(input) {
  document.getElementById(`error-of-${input.name}`)?.remove();
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
}
