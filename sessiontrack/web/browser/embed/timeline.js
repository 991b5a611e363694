import { html } from "lit";
import "../timeline/element.js";
import timeline from "../timeline/timeline.css?text";
import { styleOf, Widget } from "./widget.js";

const SECONDS = { m: 60, h: 3600, d: 86_400, w: 604_800, mo: 2_629_800, y: 31_557_600 };
const USUAL = 604_800;
const UNIT = /^\s*(\d{1,6})\s*(mo|[mhdwy])[a-z]*\s*$/i;

/** The seconds of a period such as "7 days" or "24h"; a week for anything else. */
export function spanOf(period) {
  const found = UNIT.exec(period ?? "");
  return found ? Math.max(SECONDS.h, found[1] * SECONDS[unitOf(found[2], period)]) : USUAL;
}

// "30 min" also begins like "1 month".
const unitOf = (unit, period) => (/mo/i.test(period) ? "mo" : unit.toLowerCase());

const iso = (at) => `${new Date(Math.floor(at) * 1000).toISOString().slice(0, 19)}Z`;

/** `<sessiontrack-timeline mac? period>`: the sessions of all devices, or of one. */
class Timeline extends Widget {
  static properties = { mac: {}, period: {} };
  static styles = [...Widget.styles, ...styleOf(timeline)];

  #source;

  willUpdate(changed) {
    super.willUpdate(changed);
    if (!this.#source || ["base", "token", "mac"].some((each) => changed.has(each))) this.#source = this.#sourceOf(this.mac ?? "");
  }

  #sourceOf(mac) {
    const ask = async (path, { start, end, signal, ...params }) => {
      const response = await this.call(path, { mac, ...params, start: iso(start), end: iso(end) }, { signal });
      return { ...(await response.json()), total: Number(response.headers.get("X-Total-Count")) };
    };
    return {
      rows: (asked) => ask("/presence/timeline", asked),
      sessions: (asked) => ask("/presence/sessions", asked),
      href: (mac) => `${this.root}/ui/devices/${mac}`,
    };
  }

  content({ timezone }) {
    return html`<div class="card">
      <st-timeline
        .source=${this.#source}
        .span=${spanOf(this.period)}
        .zone=${timezone}
        @st-open=${(event) => event.preventDefault()}
      ></st-timeline>
    </div>`;
  }
}

customElements.define("sessiontrack-timeline", Timeline);
