import { html, render } from "lit";
import { t } from "#i18n";
import { fieldErrors, showErrors } from "./field-errors.js";

/**
 * Ask for confirmation: resolves to true if confirmed, to false on Escape or Cancel.
 *
 * @param body a text or a Lit template that describes the consequences.
 * @param action the text of the confirming button. @param danger whether data will be lost.
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
 * Show a dialog with a form: resolves to {value, data}, the value of the pressed button ("" for Escape) and the
 * form's data. Buttons submit; one with `formnovalidate` cancels.
 */
export function open(parts) {
  const dialog = show(parts);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve({ value: dialog.returnValue, data: new FormData(dialog.querySelector("form")) });
      dialog.remove();
    });
  });
}

/**
 * Show a form and submit it: the dialog stays open, showing any error, until it succeeds or is cancelled.
 * Resolves to the result of `submit`, undefined if cancelled.
 *
 * @param submit async (the form's data as an object).
 * @param explain (an error of it) => {field: text} or a text that is not about a field.
 */
export function ask({ title, body, action, danger = false, submit, explain = fieldErrors }) {
  const dialog = show({
    title,
    body: html`${body}
      <p class="notice" data-kind="error" role="alert" hidden></p>`,
    // Enter in a field presses the first submit button.
    buttons: html`<button type="button" class="button" ?autofocus=${danger} @click=${cancel}>
        ${t("dialog.cancel")}
      </button>
      <button class="button ${danger ? "danger" : "primary"}" value="yes">${action}</button>`,
  });
  const form = dialog.querySelector("form");
  const button = form.querySelector("[value=yes]");
  let done;
  form.addEventListener("submit", async (event) => {
    if (event.submitter !== button) return;
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    try {
      done = await submit(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (error) {
      button.disabled = false;
      showErrors(form, explain(error));
    }
  });
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(done);
      dialog.remove();
    });
  });
}

const cancel = (event) => event.target.closest("dialog").close();

function show({ title, body, buttons }) {
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
  return dialog;
}
