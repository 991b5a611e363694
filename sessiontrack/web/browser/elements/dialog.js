import { html, render } from "lit";
import { t } from "../i18n.js";

/**
 * Ask before something is done: resolves to whether it was confirmed. Escape and Cancel say no.
 *
 * @param body a text or a Lit template that says what will happen.
 * @param action the text of the button that does it. @param danger whether something is lost by it.
 */
export function confirm({ title, body, action, danger = false }) {
  return open({
    title,
    body,
    buttons: html`<button class="button" value="" autofocus>${t("dialog.cancel")}</button>
      <button class="button ${danger ? "danger" : "primary"}" value="yes">${action}</button>`,
  }).then(({ value }) => value === "yes");
}

/**
 * Show a dialog with a form: resolves to {value, data}, the pressed button's value ("" for Escape) and the form's
 * data. Buttons submit; one with `formnovalidate` cancels.
 */
export function open({ title, body, buttons }) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "dialog-title");
  render(
    html`<form method="dialog">
      <h2 id="dialog-title">${title}</h2>
      <div class="dialog-body">${body}</div>
      <div class="dialog-buttons">${buttons}</div>
    </form>`,
    dialog,
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve({ value: dialog.returnValue, data: new FormData(dialog.querySelector("form")) });
      dialog.remove();
    });
  });
}
