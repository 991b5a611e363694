import { html, nothing } from "lit";
import { get } from "../client.js";
import { linesByTag, quoted } from "./api/curl.js";
import { StElement } from "../element.js";
import "../elements/copy.js";
import { emptyState, failure, pageHeader, segments } from "../elements/parts.js";
import "../elements/search.js";
import { address, fullAddress, role, user } from "#here";
import { t } from "#i18n";
import { icon } from "../icons.js";
import { UrlState } from "../url-state.js";
import "./api.css";

const VIEWS = ["reference", "curl"];

/** The OpenAPI document, as a reference to try out, or as curl lines. */
class ApiPage extends StElement {
  static properties = { document: { state: true }, error: { state: true }, isDrawn: { state: true } };

  #state = new UrlState(this, { view: VIEWS[0], q: "" });
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #recolour = () => {
    const { theme } = document.documentElement.dataset;
    const isDark = theme === "dark" || (theme !== "light" && this.#dark.matches);
    document.documentElement.classList.toggle("dark-mode", isDark); // swagger-ui's class
  };

  connectedCallback() {
    super.connectedCallback();
    addEventListener("st-theme", this.#recolour);
    this.#dark.addEventListener("change", this.#recolour);
    this.#recolour();
    this.#load();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("st-theme", this.#recolour);
    this.#dark.removeEventListener("change", this.#recolour);
  }

  async #load() {
    this.error = undefined;
    try {
      this.document = await get("/openapi.json");
    } catch (error) {
      this.error = error;
    }
  }

  async updated() {
    const place = this.querySelector(".api-reference");
    if (!place || place.drawn || !this.document) return;
    place.drawn = true;
    this.isDrawn = false;
    try {
      const { draw } = await import("./api/swagger.js");
      draw(place, this.document);
    } catch (error) {
      this.error = error;
    }
    this.isDrawn = true;
  }

  render() {
    return html`
      ${pageHeader({
        title: t("nav.api"),
        lead: t("api.lead"),
        times: false,
        actions: html`<a class="button" href=${address("/openapi.json")} download="sessiontrack-openapi.json">
          ${icon("download")}${t("api.download")}
        </a>`,
      })}
      ${this.error ? html`<div class="card">${failure(this.error, () => this.#load())}</div>` : this.#body()}
    `;
  }

  #body() {
    if (!this.document) return this.#waiting();
    const { view: asked } = this.#state.value;
    const view = VIEWS.includes(asked) ? asked : VIEWS[0];
    return html`
      <div class="table-tools">
        ${segments({
          label: t("api.views"),
          value: view,
          options: VIEWS.map((value) => ({ value, label: t(`api.view.${value}`) })),
          change: (chosen) => this.#state.set({ view: chosen }, { clear: ["q"] }),
        })}
        ${view === "curl" ? this.#search() : nothing}
      </div>
      ${view === "curl" ? this.#lines() : html`${this.isDrawn ? nothing : this.#waiting()}
            <section class="card" ?hidden=${!this.isDrawn}>
              <h2 class="unseen">${t("api.view.reference")}</h2>
              <div class="api-reference"></div>
            </section>`}
    `;
  }

  #waiting() {
    return html`<div class="card skeleton" aria-busy="true"><div></div><div></div><div></div></div>`;
  }

  #search() {
    const search = ({ detail: q }) => this.#state.set({ q }, { replace: true });
    return html`<st-search .value=${this.#state.value.q} @st-search=${search}></st-search>`;
  }

  #lines() {
    const root = fullAddress("");
    const wanted = this.#state.value.q.toLowerCase();
    const has = ({ method, path, summary }) => `${method} ${path} ${summary}`.toLowerCase().includes(wanted);
    const found = linesByTag(this.document, root)
      .map((each) => ({ ...each, calls: each.calls.filter(has) }))
      .filter(({ calls }) => calls.length);
    if (!found.length) {
      return html`<div class="card">${emptyState({ sign: "search", title: t("table.nothing") })}</div>`;
    }
    return html`${wanted ? nothing : this.#token(root)}
    ${found.map(
      ({ tag, about, calls }) => html`<section class="card curl">
        <h2>${tag}</h2>
        <p class="muted" lang="en">${coded(about)}</p>
        <ul>
          ${calls.map(
            ({ method, path, summary, line }) => html`<li>
              <p><strong class="mono">${method} ${path}</strong> <span class="muted" lang="en">${coded(summary)}</span></p>
              <div class="copied"><code>${line}</code><st-copy text=${line} label=${`${t("copy")}: ${method} ${path}`}></st-copy></div>
            </li>`,
          )}
        </ul>
      </section>`,
    )}`;
  }

  /** The first step: a token. */
  #token(root) {
    const body = JSON.stringify({ username: user, password: t("api.token.password") });
    const read = String.raw`sed 's/.*"access_token":"\([^"]*\)".*/\1/'`;
    const line = `TOKEN=$(curl -s -d ${quoted(body)} ${quoted(`${root}/auth/login`)} | ${read})`;
    return html`<section class="card curl">
      <h2>${t("api.token")}</h2>
      <p class="muted">
        ${t("api.token.text")}
        ${role === "admin" ? html`<a href=${address("/ui/settings?section=tokens")}>${t("api.token.issue")}</a>` : nothing}
      </p>
      <div class="copied"><code>${line}</code><st-copy text=${line} label=${t("api.token.copy")}></st-copy></div>
    </section>`;
  }
}

/** A text of the document, with what stands between backticks as code. */
const coded = (text) => text.split("`").map((part, n) => (n % 2 ? html`<code>${part}</code>` : part));

customElements.define("st-page-api", ApiPage);
