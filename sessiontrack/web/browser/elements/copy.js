import { html, nothing } from "lit";
import { StElement } from "../element.js";
import { icon } from "../icons.js";
import { t } from "#i18n";

const SAID_MS = 2500;
const SIGNS = { copy: "copy", "copy.done": "check", "copy.failed": "warning" };

/**
 * A button that copies a text and confirms it.
 *
 * Attributes: text; label, a name of the text for screen readers; short: the button shows its sign alone.
 */
class StCopy extends StElement {
  static properties = { text: {}, label: {}, short: { type: Boolean }, said: { state: true } };

  #again;

  constructor() {
    super();
    Object.assign(this, { text: "", label: "", short: false, said: "copy" });
  }

  render() {
    return html`<button
        type="button"
        class="button ${this.short ? "quiet" : ""}"
        aria-label=${this.label || t("copy")}
        title=${this.short ? t("copy") : nothing}
        @click=${this.#copy}
      >
        ${icon(SIGNS[this.said])}${this.short ? nothing : html`<span>${t(this.said)}</span>`}
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
