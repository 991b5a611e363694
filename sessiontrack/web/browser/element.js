// The base class of our elements, and what several of them do.
import { LitElement } from "lit";

/** An element without a shadow tree, so that the page's style sheet applies to it. */
export class StElement extends LitElement {
  createRenderRoot() {
    // The server's fallback for browsers without JavaScript.
    this.replaceChildren();
    return this;
  }
}

/** A Lit controller that calls `back` when the server answers again. */
export class Returning {
  #back;

  constructor(host, back) {
    this.#back = back;
    host.addController(this);
  }

  hostConnected() {
    addEventListener("st-back", this.#back);
  }

  hostDisconnected() {
    removeEventListener("st-back", this.#back);
  }
}
