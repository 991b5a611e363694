import { html } from "lit";
import { StElement } from "../element.js";
import { icon } from "../icons.js";
import { t } from "#i18n";

const TYPING_MS = 250;

/**
 * A search field.
 *
 * Properties: value, the text without surrounding spaces.
 * Attributes: label; "Search" by default.
 * Events: st-search when the typing pauses; its detail is the new value.
 */
class StSearch extends StElement {
  static properties = { value: {}, label: {} };

  #typing;

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#typing);
  }

  updated() {
    // Do not replace the text being typed: a trailing space begins the next word.
    const input = this.querySelector("input");
    if (input.value.trim() !== this.value) input.value = this.value;
  }

  render() {
    const label = this.label ?? t("table.search");
    return html`<label class="search">
      ${icon("search")}
      <input type="search" placeholder=${label} aria-label=${label} maxlength="200" @input=${this.#type} />
    </label>`;
  }

  #type(event) {
    clearTimeout(this.#typing);
    const detail = event.target.value.trim();
    this.#typing = setTimeout(() => this.dispatchEvent(new CustomEvent("st-search", { detail })), TYPING_MS);
  }
}
customElements.define("st-search", StSearch);
