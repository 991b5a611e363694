// The base of the widgets: server address, token and style.
import { css, html, LitElement, nothing, unsafeCSS } from "lit";
import base from "../styles/base.css?text";
import parts from "../styles/parts.css?text";
import tokens from "../styles/tokens.css?text";
import widget from "./widget.css?text";
import { icon } from "../icons.js";
import { rootOf } from "../root.js";
import { language, speakAs } from "#here";
import { t } from "#i18n";

const EVERY_MS = 15_000;
// By then, whoever has just come is known, whatever it is that pings for them.
const SOON_MS = 2000;
// The server that served this script: <base>/static/embed.js.
const ORIGIN = document.currentScript?.src.replace(/\/static\/embed\.js.*$/, "") ?? "";

const REM_PX = 15; // as on our own pages

/**
 * Adapt a page's style sheet to a shadow tree: :root becomes the widget itself, and rem, which would follow the font
 * size of the page around it, becomes px.
 */
export const styleOf = (...texts) =>
  texts.map((text) => {
    const hosted = text.replaceAll(/:root(\[[^\]]*\])?/g, (all, is) => (is ? `:host(${is})` : ":host"));
    return css`${unsafeCSS(hosted.replaceAll(/(\d*\.?\d+)rem\b/g, (all, size) => `${size * REM_PX}px`))}`;
  });

/** An error; `message` is for users. */
class CallError extends Error {}

/**
 * A widget. Attributes: base, the address of sessiontrack (by default the script's origin); token, of the role
 * viewer, which a page of the same origin can do without: the login in its cookies, or a proxy's, counts there;
 * data-theme "light" or "dark", by default the page's color-scheme, else the reader's system setting.
 */
export class Widget extends LitElement {
  static properties = { base: {}, token: {}, data: { state: true }, error: { state: true } };
  static styles = styleOf(tokens, base, parts, widget);

  #etag;
  #again;
  #soon;
  #asking;
  #seen = () => document.hidden || this.ask();

  connectedCallback() {
    speakAs(this);
    if (getComputedStyle(document.documentElement).colorScheme !== "normal") this.dataset.scheme = "page";
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#seen);
    addEventListener("sessiontrack-here", this.#seen);
    this.#soon = setTimeout(this.#seen, SOON_MS);
    this.#again = setInterval(this.#seen, EVERY_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#seen);
    removeEventListener("sessiontrack-here", this.#seen);
    clearTimeout(this.#soon);
    clearInterval(this.#again);
    this.#asking?.abort();
  }

  willUpdate(changed) {
    if (changed.has("base") || changed.has("token")) this.#etag = undefined;
  }

  updated(changed) {
    // The first time, neither may be given.
    if (changed.has("base") || changed.has("token") || !this.#asking) this.ask();
  }

  get root() {
    return rootOf(this.base || ORIGIN);
  }

  /** Without a token a page of our origin goes by its login, or by the proxy's. */
  get #mayAsk() {
    return Boolean(this.token) || new URL(this.root).origin === location.origin;
  }

  /** Poll `/presence/now`; an unchanged answer is not sent again. */
  async ask() {
    if (!this.#mayAsk) return;
    this.#asking?.abort();
    const { signal } = (this.#asking = new AbortController());
    try {
      const headers = this.#etag ? { "If-None-Match": this.#etag } : {};
      const response = await this.call("/presence/now", { limit: 8 }, { signal, headers });
      this.error = undefined;
      if (response.status === 304) return;
      this.#etag = response.headers.get("ETag");
      this.data = await response.json();
    } catch (error) {
      if (error.name !== "AbortError") this.error = error;
    }
  }

  /** The answer to a GET. */
  async call(path, params, { signal, headers = {} } = {}) {
    const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== "");
    let response;
    try {
      response = await fetch(`${this.root}${path}?${new URLSearchParams(given)}`, {
        signal,
        headers: this.token ? { ...headers, Authorization: `Bearer ${this.token}` } : headers,
        credentials: this.token ? "omit" : "same-origin",
        cache: "no-store",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new CallError(t("embed.away"));
    }
    if (response.ok || response.status === 304) return response;
    if (response.status === 400) throw new CallError(wordsOf(await response.json()));
    await response.body?.cancel();
    if (response.status === 401) throw new CallError(this.token ? t("embed.refused") : t("embed.login"));
    throw new CallError(t("error.unknown", { status: response.status }));
  }

  render() {
    return html`<div class="widget" lang=${language}>${this.#shown()}</div>`;
  }

  #shown() {
    const { data, error } = this;
    if (!this.#mayAsk) return this.problem(t("embed.token"));
    if (error && !data) return this.problem(error.message);
    if (!data) return html`<div class="card skeleton" aria-busy="true"><div></div><div></div><div></div></div>`;
    return html`${this.content(data)}${error ? this.problem(error.message) : nothing}`;
  }

  /** A notice in place of what cannot be shown, or above it. */
  problem(message) {
    return html`<p class="notice" data-kind="warning" role="alert">${icon("warning")}<span>${message}</span></p>`;
  }
}

/** What is wrong with an attribute: the server says it in English. */
const wordsOf = ({ error, message }) => (t("embed.locale").startsWith("en") ? message : t(`error.code.${error}`));

/** An instant in the site's time. */
export function instant(at, timeZone) {
  const date = new Date(typeof at === "number" ? at * 1000 : at);
  const full = new Intl.DateTimeFormat(t("embed.locale"), { dateStyle: "full", timeStyle: "medium", timeZone });
  const day = new Intl.DateTimeFormat("en", { dateStyle: "short", timeZone });
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone };
  const isToday = day.format(date) === day.format(new Date());
  const short = new Intl.DateTimeFormat(t("embed.locale"), isToday ? clock : { day: "numeric", month: "short", ...clock });
  return html`<time datetime=${date.toISOString()} title=${`${full.format(date)} (${timeZone})`}>${short.format(date)}</time>`;
}
