// What the widgets of a page show, asked once for all that have the same address and token.
import { language } from "#here";
import { t } from "#i18n";

const EVERY_MS = 15_000;
// By then, whoever has just come is known, whatever it is that pings for them.
const SOON_MS = 2000;
// A host that is down gives no answer at all; a browser would wait for minutes.
const LATE_MS = 10_000;
const UNAVAILABLE = [429, 500, 502, 503, 504];

/** An error; `message` is for users. */
class CallError extends Error {}

/** No answer that can be used, for now. */
export class Away extends CallError {
  constructor() {
    super(t("embed.away"));
  }
}

/** The answer to a GET. */
export async function call(root, token, path, params, { signal, headers = {} } = {}) {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== "");
  let response;
  try {
    response = await fetch(`${root}${path}?${new URLSearchParams(given)}`, {
      signal,
      headers: token ? { ...headers, Authorization: `Bearer ${token}` } : headers,
      credentials: token ? "omit" : "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Away();
  }
  if (response.ok || response.status === 304) return response;
  if (response.status === 400) throw new CallError(wordsOf(await response.json()));
  await response.body?.cancel();
  if (UNAVAILABLE.includes(response.status)) throw new Away();
  if (response.status === 401) throw new CallError(token ? t("embed.refused") : t("embed.login"));
  throw new CallError(t("error.unknown", { status: response.status }));
}

/** What is wrong with an attribute: the server says it in English. */
const wordsOf = ({ error, message }) => (language === "en" ? message : t(`error.code.${error}`));

const feeds = new Map();

/** The feed of an address and a token, "" for none. */
export function feedOf(root, token) {
  const key = `${root} ${token}`;
  if (!feeds.has(key)) feeds.set(key, new Feed(root, token, () => feeds.delete(key)));
  return feeds.get(key);
}

/** Polls `/presence/now` for its widgets while the page is visible; an unchanged answer is not sent again. */
class Feed {
  data;
  at; // of the latest answer, in epoch seconds
  error;
  #root;
  #token;
  #left;
  #widgets = new Set();
  #etag;
  #asking;
  #soon;
  #again;

  constructor(root, token, left) {
    this.#root = root;
    this.#token = token;
    this.#left = left;
  }

  /** Let a widget `hear` of each answer. */
  join(widget) {
    this.#widgets.add(widget);
    if (this.#widgets.size > 1) {
      if (this.data || this.error) widget.hear(this);
      return;
    }
    document.addEventListener("visibilitychange", this.#seen);
    addEventListener("sessiontrack-here", this.#seen);
    this.#soon = setTimeout(this.#seen, SOON_MS);
    this.#again = setInterval(this.#seen, EVERY_MS);
    this.#ask();
  }

  leave(widget) {
    this.#widgets.delete(widget);
    if (this.#widgets.size) return;
    document.removeEventListener("visibilitychange", this.#seen);
    removeEventListener("sessiontrack-here", this.#seen);
    clearTimeout(this.#soon);
    clearInterval(this.#again);
    this.#asking?.abort();
    this.#left();
  }

  #seen = () => document.hidden || this.#ask();

  async #ask() {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const late = setTimeout(() => asking.abort(new Away()), LATE_MS);
    const wasAway = this.error instanceof Away;
    try {
      await this.#fetch(asking.signal);
      Object.assign(this, { at: Date.now() / 1000, error: undefined });
    } catch (error) {
      if (error.name === "AbortError") return;
      this.error = error instanceof CallError ? error : new Away();
    } finally {
      clearTimeout(late);
    }
    for (const widget of this.#widgets) widget.hear(this);
    // The timeline loads what it lacks.
    if (wasAway && !this.error) dispatchEvent(new Event("st-back"));
  }

  async #fetch(signal) {
    const headers = this.#etag ? { "If-None-Match": this.#etag } : {};
    const response = await call(this.#root, this.#token, "/presence/now", { limit: 8 }, { signal, headers });
    if (response.status === 304) return;
    this.data = await response.json();
    this.#etag = response.headers.get("ETag");
  }
}
