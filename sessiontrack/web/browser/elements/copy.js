import { html } from "lit";
import { StElement } from "../element.js";
import { icon } from "../icons.js";
import { t } from "#i18n";

const SAID_MS = 2500;
const SIGNS = { copy: "copy", "copy.done": "check", "copy.failed": "warning" };

/**
 * A button that copies a text and confirms it.
 *
 * Attributes: text; label, a name of the text for screen readers.
 */
class StCopy extends StElement {
  static properties = { text: {}, label: {}, said: { state: true } };

  #again;

  constructor() {
    super();
    Object.assign(this, { text: "", label: "", said: "copy" });
  }

  render() {
    return html`<button type="button" class="button" aria-label=${this.label || t("copy")} @click=${this.#copy}>
        ${icon(SIGNS[this.said])}<span>${t(this.said)}</span>
      </button>
      <span class="unseen" role="status">${this.said === "copy" ? "" : t(this.said)}</span>`;
  }

  async #copy() {
    this.said = (await copy(this.text, this)) ? "copy.done" : "copy.failed";
    clearTimeout(this.#again);
    this.#again = setTimeout(() => (this.said = "copy"), SAID_MS);
  }
}

/** Over plain HTTP browsers have no clipboard API: copy from a field beside the button. */
async function copy(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.className = "unseen";
    field.value = text;
    beside.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    beside.querySelector("button").focus();
    return isCopied;
  }
}

customElements.define("st-copy", StCopy);
