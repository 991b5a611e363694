// Polling for pages that stay open; most answers are 304 without a body.
import { call } from "./client.js";
import { t } from "#i18n";

const EVERY_MS = 5000;
// A host that is down gives no answer at all; a browser would wait for minutes.
const LATE_MS = 20_000;

/**
 * A Lit controller that polls a call with an ETag while its page is visible.
 *
 * `data` is the latest answer, `at` the server's time of it in epoch seconds, `state` one of "loading", "live" and
 * "away" (no answer; the shell detects that the server is back and says so), `error` the last error.
 */
export class Polling {
  data;
  at = 0;
  state = "loading";
  error;
  #host;
  #path;
  #options;
  #tag;
  #timer;
  #asking;

  constructor(host, path, options = {}) {
    this.#host = host;
    this.#path = path;
    this.#options = options;
    host.addController(this);
  }

  hostConnected() {
    document.addEventListener("visibilitychange", this.ask);
    addEventListener("st-back", this.ask);
    this.ask();
  }

  hostDisconnected() {
    document.removeEventListener("visibilitychange", this.ask);
    removeEventListener("st-back", this.ask);
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  /** Poll now and then regularly; pause while the page is hidden. */
  ask = async () => {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    if (document.hidden) return;
    const asking = (this.#asking = new AbortController());
    const late = setTimeout(() => asking.abort(new Error(t("error.away"))), LATE_MS);
    try {
      await this.#fetch(asking.signal);
      Object.assign(this, { state: "live", error: undefined });
    } catch (error) {
      if (error.name === "AbortError") return;
      Object.assign(this, { state: "away", error });
    } finally {
      clearTimeout(late);
    }
    this.#host.requestUpdate();
    clearTimeout(this.#timer);
    if (this.#host.isConnected) this.#timer = setTimeout(this.ask, EVERY_MS);
  };

  async #fetch(signal) {
    const headers = this.#tag ? { "If-None-Match": this.#tag } : {};
    const response = await call("GET", this.#path, { ...this.#options, signal, headers });
    if (response.status !== 304) {
      this.data = await response.json();
      this.#tag = response.headers.get("ETag");
    }
    this.at = Number(response.headers.get("X-Server-Time"));
  }
}
