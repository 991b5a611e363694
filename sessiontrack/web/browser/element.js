// What our elements have in common.
import { LitElement } from "lit";

/** An element in the page's own tree, so that the page's style sheet is its style sheet. */
export class StElement extends LitElement {
  createRenderRoot() {
    // What the server put in it for browsers without JavaScript.
    this.replaceChildren();
    return this;
  }
}
