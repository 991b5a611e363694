// The pages of a list: which rows are shown, how many a page has, and the way to its neighbours.
import { html } from "lit";
import { icon } from "../icons.js";
import { t } from "#i18n";

export const SIZES = [25, 50, 100];

/**
 * @param page from 1 on. @param size rows a page. @param shown the number of rows on this one. @param total of all.
 * @param turn (page) => ... @param resize (size) => ...
 */
export function pager({ page, size, shown, total, turn, resize }) {
  const first = (page - 1) * size;
  const button = (name, sign, to, isLast) => html`<button
    type="button"
    class="button"
    aria-label=${name}
    ?disabled=${isLast}
    @click=${() => turn(to)}
  >
    ${icon(sign)}
  </button>`;
  return html`<div class="pager">
    <span class="pager-range" role="status">${t("table.range", { first: first + 1, last: first + shown, total })}</span>
    <label class="pager-size">
      <span>${t("table.size")}</span>
      <select @change=${(event) => resize(Number(event.target.value))}>
        ${SIZES.map((each) => html`<option value=${each} ?selected=${each === size}>${each}</option>`)}
      </select>
    </label>
    <div class="pager-buttons">
      ${button(t("table.previous"), "left", page - 1, page <= 1)}
      ${button(t("table.next"), "right", page + 1, first + size >= total)}
    </div>
  </div>`;
}
