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
import { Away, call, feedOf } from "./feed.js";

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

/**
 * A widget. Attributes: base, the address of sessiontrack (by default the script's origin); token, of the role
 * viewer, which a page of the same origin can do without: the login in its cookies, or a proxy's, counts there;
 * data-theme "light" or "dark", by default the page's color-scheme, else the reader's system setting.
 */
export class Widget extends LitElement {
  static properties = { base: {}, token: {}, data: { state: true }, error: { state: true } };
  static styles = styleOf(tokens, base, parts, widget);

  #at; // when the data were current
  #feed;

  connectedCallback() {
    speakAs(this);
    if (getComputedStyle(document.documentElement).colorScheme !== "normal") this.dataset.scheme = "page";
    super.connectedCallback();
    if (this.hasUpdated) this.#join();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#leave();
  }

  updated(changed) {
    // The first time, neither may be given.
    if (changed.has("base") || changed.has("token") || !this.#feed) this.#join();
  }

  get root() {
    return rootOf(this.base || ORIGIN);
  }

  get #isOurs() {
    return new URL(this.root).origin === location.origin;
  }

  /** Without a token a page of our origin goes by its login, or by the proxy's. */
  get #mayAsk() {
    return Boolean(this.token) || this.#isOurs;
  }

  #join() {
    this.#leave();
    if (!this.#mayAsk || !this.isConnected) return;
    this.#feed = feedOf(this.root, this.token ?? "");
    this.#feed.join(this);
  }

  #leave() {
    this.#feed?.leave(this);
    this.#feed = undefined;
  }

  /** What the feed knows now; the data of before stay while there are no others. */
  hear({ data, at, error }) {
    this.error = error;
    if (!data) return;
    this.data = data;
    this.#at = at;
  }

  /** The answer to a GET. */
  call(path, params, options) {
    return call(this.root, this.token, path, params, options);
  }

  render() {
    const isOld = this.data && this.error instanceof Away;
    return html`<div class="widget" lang=${language} ?data-old=${isOld}>${this.#shown()}</div>`;
  }

  #shown() {
    const { data, error } = this;
    if (!this.#mayAsk) return this.problem(t("embed.token"));
    if (!data && !error) return html`<div class="card skeleton" aria-busy="true"><div></div><div></div><div></div></div>`;
    const notice = error instanceof Away ? this.#away() : error ? this.problem(error.message) : nothing;
    return html`${notice}${data ? this.content(data) : nothing}`;
  }

  /** That nothing newer can be had just now; what there is stays, with its time. */
  #away() {
    const { data } = this;
    const isRefused = !data && !this.#isOurs; // maybe: a browser does not say which
    const said = isRefused ? t("embed.away.origin", { origin: location.origin }) : t("embed.away");
    return html`<p class="notice" data-kind="quiet" role="status">
      ${icon("info")}<span>${said} ${data ? html`${t("embed.old")} ${instant(this.#at, data.timezone)}` : nothing}</span>
    </p>`;
  }

  /** A notice in place of what cannot be shown, or above it. */
  problem(message) {
    return html`<p class="notice" data-kind="warning" role="alert">${icon("warning")}<span>${message}</span></p>`;
  }
}

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
