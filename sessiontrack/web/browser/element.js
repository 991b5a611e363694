// The base class of our elements.
import { LitElement } from "lit";

/** An element without a shadow tree, so that the page's style sheet applies to it. */
export class StElement extends LitElement {
  createRenderRoot() {
    // The server's fallback for browsers without JavaScript.
    this.replaceChildren();
    return this;
  }
}
