import { html, nothing } from "lit";
import { t } from "#i18n";
import "../timeline/element.js";
import timeline from "../timeline/timeline.css?text";
import { styleOf, Widget } from "./widget.js";

const HOUR = 3600;
const UNITS = [
  [/^m(in(ute)?s?)?$/i, 60],
  [/^h((ou)?rs?)?$/i, HOUR],
  [/^d(ays?)?$/i, 86_400],
  [/^w((ee)?ks?)?$/i, 604_800],
  [/^mo(nths?|s)?$/i, 2_629_800],
  [/^y((ea)?rs?)?$/i, 31_557_600],
];
const USUAL = "7 days";

/** The seconds of a period such as "7 days" or "24h", an hour at least; undefined where it cannot be read. */
export function spanOf(period) {
  const [, number, word] = /^\s*(\d{1,6})\s*([a-z]+)\s*$/i.exec(period || USUAL) ?? [];
  const unit = UNITS.find(([words]) => words.test(word ?? ""));
  return unit && Number(number) ? Math.max(HOUR, number * unit[1]) : undefined;
}

const iso = (at) => `${new Date(Math.floor(at) * 1000).toISOString().slice(0, 19)}Z`;

/** `<sessiontrack-timeline mac? period>`: the sessions of all devices, or of one. */
class Timeline extends Widget {
  static properties = { mac: {}, period: {}, theme: { attribute: "data-theme" }, isUnknown: { state: true } };
  static styles = [...Widget.styles, ...styleOf(timeline)];

  #source;

  willUpdate(changed) {
    super.willUpdate(changed);
    if (!this.#source || ["base", "token", "mac"].some((each) => changed.has(each))) {
      this.#source = this.#sourceOf(this.mac ?? "");
      this.isUnknown = false;
    }
  }

  updated(changed) {
    super.updated(changed);
    // The canvas has the colours of before.
    if (changed.has("theme")) dispatchEvent(new Event("st-theme"));
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
    const span = spanOf(this.period);
    if (!span) return this.problem(t("embed.period", { period: this.period }));
    return html`${this.isUnknown ? this.problem(t("embed.device", { mac: this.mac })) : nothing}
    <div class="card">
      <st-timeline
        .source=${this.#source}
        .span=${span}
        .zone=${timezone}
        @st-total=${({ detail }) => (this.isUnknown = Boolean(this.mac) && detail.total === 0)}
        @st-open=${(event) => event.preventDefault()}
      ></st-timeline>
    </div>`;
  }
}

customElements.define("sessiontrack-timeline", Timeline);
