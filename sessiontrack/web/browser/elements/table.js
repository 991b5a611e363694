import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { Returning, StElement } from "../element.js";
import { icon } from "../icons.js";
import { t } from "#i18n";
import { UrlState } from "../url-state.js";
import { ChangedRows, keysOf } from "./changed-rows.js";
import { fitColumns } from "./columns.js";
import { pager, SIZES } from "./pager.js";
import { emptyState, failure } from "./parts.js";
import "./search.js";
import { toast } from "./toast.js";

const SKELETON_ROWS = 8;

/**
 * A list that the server searches, sorts and pages; the address keeps its state as q, sort, page and size.
 *
 * Properties:
 *   columns  [{label, cell: (row) => template, sort?: name, kind?: "main" | "state" | "number" | "mono" | "wide",
 *            leaves?: 1, 2, ..., isBeside?: true, isAction?: true}]; where the window is too narrow for all, the column whose `leaves` is 1
 *            is the first to leave. On a phone the column of kind "main" is the row's title, with the column of kind
 *            "state" and then the one with `isBeside` beside it; those with `leaves` are not shown, but for those of kind "wide" and the last to leave, 5.
 *   load     async ({search, sort, limit, offset, signal}) => ({rows, total}); sort is a name, with - before it for
 *            descending order.
 *   filters  the page's own filters by name, as in the address; a changed value reloads the list.
 *   filtered whether those filters are active: an empty list then means that nothing matches.
 *   empty    a template for an empty list.
 *   elsewhere  (search) => links to where else a search that found nothing may find something.
 *   controls a template beside the search field.
 *   keyOf    (row) => its identity, for a row that stays the same one when its values change.
 * Attributes: caption, sort (the default order), no-search, prefix (before its names in the address, where the page
 *   has another list), file (the name of a CSV file of all rows, without the columns that are `isAction`).
 * Events: st-reset, when the reader clears search and filters.
 */
class StTable extends StElement {
  static properties = {
    columns: { attribute: false },
    load: { attribute: false },
    filters: { attribute: false },
    filtered: { type: Boolean },
    empty: { attribute: false },
    elsewhere: { attribute: false },
    controls: { attribute: false },
    keyOf: { attribute: false },
    caption: {},
    sort: {},
    file: {},
    prefix: {},
    noSearch: { type: Boolean, attribute: "no-search" },
    found: { state: true },
    error: { state: true },
    busy: { state: true },
  };

  #state;
  #asked = "";
  #loading;
  #isQuiet = false;
  #changes = new ChangedRows();
  #again = () => this.reload();
  #returning = new Returning(this, () => this.refresh());
  #resized = new ResizeObserver(([{ target }]) => fitColumns(target));
  #fitted;

  constructor() {
    super();
    Object.assign(this, { columns: [], keyOf: JSON.stringify, filters: {}, filtered: false, caption: "", sort: "", file: "", prefix: "", noSearch: false, busy: true });
  }

  connectedCallback() {
    this.#state ??= new UrlState(this, this.#named({ q: "", sort: this.sort, page: 1, size: SIZES[0] }));
    super.connectedCallback();
  }

  /** Values by their names in the address. */
  #named(values) {
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [this.prefix + name, value]));
  }

  get #shown() {
    const { value } = this.#state;
    const read = (name) => value[this.prefix + name];
    return { q: read("q"), sort: read("sort"), page: read("page"), size: read("size") };
  }

  #show(changes, { replace = false, clear = [] } = {}) {
    this.#state.set(this.#named(changes), { replace, clear: clear.map((name) => this.prefix + name) });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#loading?.abort();
    this.#resized.disconnect();
    this.#fitted = undefined;
    this.#asked = "";
  }

  /** Reload in the background: focus and scroll stay, and rows that have changed are marked for a moment. */
  refresh() {
    this.#isQuiet = Boolean(this.found);
    this.reload();
  }

  /** Reload the rows shown, for instance after a change. */
  reload() {
    this.#asked = "";
    this.requestUpdate();
  }

  willUpdate() {
    this.#changes.before(this);
  }

  updated() {
    this.#changes.after(this);
    this.#fit();
    const asked = JSON.stringify([this.#shown, this.filters]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#fetch();
  }

  #fit() {
    const scroller = this.querySelector(".table-scroll");
    if (scroller) fitColumns(scroller);
    if (scroller === this.#fitted) return;
    this.#resized.disconnect();
    if (scroller) this.#resized.observe(scroller);
    this.#fitted = scroller;
  }

  async #fetch() {
    this.#loading?.abort();
    const { signal } = (this.#loading = new AbortController());
    const { q, sort, page, size } = this.#shown;
    const isQuiet = this.#isQuiet;
    this.#isQuiet = false;
    if (!isQuiet) this.busy = true;
    try {
      const found = await this.load({ search: q, sort, limit: size, offset: (page - 1) * size, signal });
      const last = Math.max(1, Math.ceil(found.total / size));
      if (page > last) return this.#show({ page: last }, { replace: true });
      this.found = found;
      this.error = undefined;
      this.#changes.isMarking = isQuiet;
    } catch (error) {
      if (error.name === "AbortError") return;
      // What was shown stays.
      if (!isQuiet) this.error = error;
    }
    this.busy = false;
  }

  render() {
    return html`
      <div class="table-tools">${this.noSearch ? nothing : this.#search()} ${this.controls ?? nothing} ${this.#fileButton()}</div>
      ${this.#body()}
    `;
  }

  #fileButton() {
    if (!this.file || !this.found?.total) return nothing;
    return html`<button type="button" class="button table-file" @click=${() => this.#save()}>${icon("download")}CSV</button>`;
  }

  async #save() {
    const { q: search, sort } = this.#shown;
    try {
      const { saveRows } = await import("./table-file.js");
      await saveRows(this.file, this.columns, (part) => this.load({ search, sort, ...part }));
    } catch (error) {
      toast(error.message, "error");
    }
  }

  #search() {
    const search = ({ detail: q }) => this.#show({ q }, { replace: true, clear: ["page"] });
    return html`<st-search .value=${this.#shown.q} @st-search=${search}></st-search>`;
  }

  #body() {
    if (this.error) return html`<div class="card">${failure(this.error, this.#again)}</div>`;
    if (!this.found) return this.#skeleton();
    if (this.found.total === 0) return html`<div class="card">${this.#nothing()}</div>`;
    return html`<div class="card table-card" aria-busy=${this.busy ? "true" : "false"}>
      <div class="table-scroll" role="region" aria-label=${this.caption} tabindex="0">
        <table role="table">
          <caption class="unseen">
            ${this.caption}
          </caption>
          <thead role="rowgroup">
            <tr role="row">
              ${this.columns.map((column) => this.#head(column))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            ${repeat(this.found.rows, keysOf(this.found.rows, this.keyOf), (row) => this.#row(row))}
          </tbody>
        </table>
      </div>
      ${this.#pager()}
    </div>`;
  }

  #row(row) {
    return html`<tr role="row">
      ${this.columns.map(
        ({ label, kind, leaves, isBeside, cell }) =>
          html`<td
            role="cell"
            data-kind=${kind ?? nothing}
            data-leaves=${leaves ?? nothing}
            ?data-beside=${isBeside}
            data-label=${label}
          ><div>${cell(row)}</div></td>`,
      )}
    </tr>`;
  }

  #head({ label, sort, kind, leaves }) {
    const { sort: current } = this.#shown;
    const leaving = leaves ?? nothing;
    if (!sort) {
      return html`<th role="columnheader" scope="col" data-kind=${kind ?? nothing} data-leaves=${leaving}>${label}</th>`;
    }
    const isSorted = current === sort || current === `-${sort}`;
    const isDown = current === `-${sort}`;
    const turn = () => this.#show({ sort: current === sort ? `-${sort}` : sort }, { clear: ["page"] });
    return html`<th
      role="columnheader"
      scope="col"
      data-kind=${kind ?? nothing}
      data-leaves=${leaving}
      aria-sort=${isSorted ? (isDown ? "descending" : "ascending") : "none"}
    >
      <button type="button" @click=${turn}>${label}${icon(isSorted ? (isDown ? "down" : "up") : "sort")}</button>
    </th>`;
  }

  #pager() {
    const { page, size } = this.#shown;
    return pager({
      page,
      size,
      shown: this.found.rows.length,
      total: this.found.total,
      turn: (to) => this.#show({ page: to }),
      resize: (to) => this.#show({ size: to }, { clear: ["page"] }),
    });
  }

  #nothing() {
    if (!this.#shown.q && !this.filtered) return this.empty ?? emptyState({ title: t("table.nothing") });
    const reset = () => {
      this.#show({ q: "" }, { clear: ["page"] });
      this.dispatchEvent(new Event("st-reset"));
    };
    return emptyState({
      sign: "search",
      title: t("table.nothing"),
      text: t("table.nothing.text"),
      action: html`<button type="button" class="button" @click=${reset}>${t("table.reset")}</button>
        ${this.#shown.q && this.elsewhere ? this.elsewhere(this.#shown.q) : nothing}`,
    });
  }

  #skeleton() {
    return html`<div class="card skeleton" aria-busy="true">
      <span class="unseen" role="status">${t("loading")}</span>
      ${Array.from({ length: SKELETON_ROWS }, () => html`<div></div>`)}
    </div>`;
  }
}

customElements.define("st-table", StTable);
