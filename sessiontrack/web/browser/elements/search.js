import { html } from "lit";
import { StElement } from "../element.js";
import { icon } from "../icons.js";
import { t } from "#i18n";

const TYPING_MS = 250;

/**
 * Where the reader types what to look for.
 *
 * Properties: value, what is looked for, without blanks around it.
 * Attributes: label; "Search" where there is none.
 * Events: st-search, once the typing pauses; its detail is the new value.
 */
class StSearch extends StElement {
  static properties = { value: {}, label: {} };

  #typing;

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#typing);
  }

  updated() {
    // Not what is being typed: a blank at its end is the beginning of the next word.
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
