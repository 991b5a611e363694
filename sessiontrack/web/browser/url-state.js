// The state of a page in its address, so that it can be sent to somebody, reloaded, and gone back from.

/**
 * A Lit controller: `value` is what the address says, by the defaults' names and types; defaults are left out.
 *
 *     #state = new UrlState(this, { status: "all", page: 1 });
 *     this.#state.value.status
 *     this.#state.set({ status: "new" }, { clear: ["page"] });
 */
export class UrlState {
  #host;
  #defaults;
  #read = () => this.#host.requestUpdate();

  constructor(host, defaults) {
    this.#host = host;
    this.#defaults = defaults;
    host.addController(this);
  }

  hostConnected() {
    addEventListener("popstate", this.#read);
    addEventListener("st-url", this.#read);
  }

  hostDisconnected() {
    removeEventListener("popstate", this.#read);
    removeEventListener("st-url", this.#read);
  }

  get value() {
    const query = new URLSearchParams(location.search);
    const read = ([name, usual]) => [name, query.has(name) ? like(usual, query.get(name)) : usual];
    return Object.fromEntries(Object.entries(this.#defaults).map(read));
  }

  /**
   * @param changes by name; the others stay.
   * @param replace no step of its own to go back to, as for each letter of a search.
   * @param clear names, of other parts of the page too, that go back to their defaults.
   */
  set(changes, { replace = false, clear = [] } = {}) {
    const url = new URL(location.href);
    for (const name of clear) url.searchParams.delete(name);
    for (const [name, value] of Object.entries(changes)) {
      if (value === this.#defaults[name]) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    if (url.href === location.href) return;
    history[replace ? "replaceState" : "pushState"](null, "", url);
    dispatchEvent(new Event("st-url"));
  }
}

/** The text of an address as a value of the default's type; the default where it is none. */
function like(usual, text) {
  if (typeof usual === "boolean") return text === "true";
  if (typeof usual !== "number") return text;
  return /^\d{1,9}$/.test(text) ? Number(text) : usual;
}
