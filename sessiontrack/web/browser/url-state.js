// The state of a page in its address, for sharing, reloading and the back button.

/**
 * A Lit controller: `value` is the state of the address, with the names and types of the defaults, which are left out.
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
   * @param changes by name; other values stay.
   * @param replace add no step to the browser's history, as for each letter of a search.
   * @param clear names to reset to their defaults, also of other parts of the page.
   */
  set(changes, { replace = false, clear = [] } = {}) {
    const url = new URL(location.href);
    for (const name of clear) url.searchParams.delete(name);
    for (const [name, value] of Object.entries(changes)) {
      if (value === this.#defaults[name]) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    if (url.href === location.href) return;
    // Relative: the address of a page opened as http://user:password@host/ must keep both, and `location` has them not.
    history[replace ? "replaceState" : "pushState"](null, "", url.pathname + url.search + url.hash);
    dispatchEvent(new Event("st-url"));
  }
}

/** Parse a text of the address as the default's type; the default if it is invalid. */
function like(usual, text) {
  if (typeof usual === "boolean") return text === "true";
  if (typeof usual !== "number") return text;
  return /^\d{1,9}$/.test(text) ? Number(text) : usual;
}
