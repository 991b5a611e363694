// Keeps pages up to date: all ask the same question, and load their own data again when its answer changes.
import { Polling } from "./polling.js";

const ANYWAY_MS = 60_000; // what the answer does not show, such as a new name
// As on the page Now, so that the server makes one answer for all open pages.
export const NOW = ["/presence/now", { params: { limit: 12 } }];

export const ofDevices = ({ devices, events }) => [devices, events];
export const ofPeople = ({ people, people_total: total }) => [people, total];

/** A Lit controller. @param part (answer) => what concerns the page. @param changed called when that has changed. */
export class Live {
  #polling;
  #part;
  #changed;
  #known;
  #loadedAt = 0;

  constructor(host, part, changed) {
    this.#part = part;
    this.#changed = changed;
    const heard = () => this.#hear();
    this.#polling = new Polling(
      {
        addController: () => {},
        requestUpdate: heard,
        get isConnected() {
          return host.isConnected;
        },
      },
      ...NOW,
    );
    host.addController(this);
  }

  hostConnected() {
    this.#polling.hostConnected();
  }

  hostDisconnected() {
    this.#polling.hostDisconnected();
  }

  #hear() {
    const { data, state } = this.#polling;
    if (state !== "live") return;
    const found = JSON.stringify(this.#part(data));
    const isFirst = this.#known === undefined;
    if (!isFirst && found === this.#known && performance.now() - this.#loadedAt < ANYWAY_MS) return;
    this.#known = found;
    this.#loadedAt = performance.now();
    if (!isFirst) this.#changed();
  }
}
