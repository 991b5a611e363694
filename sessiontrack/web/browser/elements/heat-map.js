import { html } from "lit";
import { StElement } from "../element.js";
import { t } from "#i18n";
import { locale } from "#here";
import { percent } from "../percent.js";
import { UrlState } from "../url-state.js";
import "./heat-map.css";

const LEVELS = 8;
const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/**
 * Shares by hour of the week, as a table of coloured cells; with numbers if the reader switches them on, which the
 * address keeps as numbers.
 *
 * Property `week`: 24 hours for each day from Monday on, 0 to 1, or null if the period has no such hour.
 * Attribute `caption`: the meaning of the shares.
 */
class StHeatMap extends StElement {
  static properties = { week: { attribute: false }, caption: {} };

  #state = new UrlState(this, { numbers: false });

  constructor() {
    super();
    Object.assign(this, { week: [], caption: "" });
  }

  render() {
    const { numbers } = this.#state.value;
    return html`
      <div class="heat-map" role="region" aria-label=${this.caption} tabindex="0" ?data-numbers=${numbers}>
        <table>
          <caption class="unseen">
            ${this.caption}
          </caption>
          <thead>
            <tr>
              <td></td>
              ${HOURS.map((hour) => html`<th scope="col"><span>${String(hour).padStart(2, "0")}</span></th>`)}
            </tr>
          </thead>
          <tbody>
            ${this.week.map((day, number) => this.#day(day, number))}
          </tbody>
        </table>
      </div>
      <div class="heat-legend">
        <button
          type="button"
          class="button"
          aria-pressed=${numbers ? "true" : "false"}
          @click=${() => this.#state.set({ numbers: !numbers }, { replace: true })}
        >
          ${t("heat.numbers")}
        </button>
        <p class="muted" aria-hidden="true">
          ${percent(0)} ${HOURS.slice(0, LEVELS + 1).map((level) => html`<span class="heat" data-level=${level}></span>`)} ${percent(1)}
        </p>
      </div>
    `;
  }

  #day(shares, number) {
    const [long, short] = ["long", "short"].map((weekday) => dayName(number, weekday));
    return html`<tr>
      <th scope="row"><abbr title=${long}>${short}</abbr></th>
      ${shares.map((share, hour) => this.#hour(share, `${long} ${clock(hour)}–${clock(hour + 1)}`))}
    </tr>`;
  }

  #hour(share, when) {
    const said = share === null ? t("heat.none") : percent(share);
    const level = share === null ? "none" : Math.ceil(share * LEVELS);
    return html`<td class="heat" data-level=${level} title="${when}: ${said}">
      <span>${share === null ? "–" : Math.round(share * 100)}</span>
    </td>`;
  }
}

const clock = (hour) => `${String(hour).padStart(2, "0")}:00`;
const dayName = (number, weekday) =>
  new Intl.DateTimeFormat(locale, { weekday, timeZone: "UTC" }).format(MONDAY + number * DAY_MS);

customElements.define("st-heat-map", StHeatMap);
