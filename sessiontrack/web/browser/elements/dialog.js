import { html, render } from "lit";
import { t } from "#i18n";

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
 * Ask for something and do it: the dialog stays until that went well, or was cancelled, and says what went wrong.
 * Resolves to what `submit` gave, undefined where it was cancelled.
 *
 * @param submit async (the form's data as an object); what it throws is shown, by `explain(error)`.
 */
export function ask({ title, body, action, danger = false, submit, explain = ({ message }) => message }) {
  const dialog = show({
    title,
    body: html`${body}
      <p class="notice" data-kind="error" role="alert" hidden></p>`,
    // Enter in a field is the first button that submits.
    buttons: html`<button type="button" class="button" ?autofocus=${danger} @click=${cancel}>
        ${t("dialog.cancel")}
      </button>
      <button class="button ${danger ? "danger" : "primary"}" value="yes">${action}</button>`,
  });
  const form = dialog.querySelector("form");
  const [problem, button] = [form.querySelector("[role=alert]"), form.querySelector("[value=yes]")];
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
      problem.textContent = explain(error);
      problem.hidden = false;
      button.disabled = false;
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
