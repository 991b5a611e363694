import { html } from "lit";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { StElement } from "../element.js";
import { formatNumber } from "#i18n";
import { formatClock, shortInstant, zone } from "../time.js";
import "./curve.css";

const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -6, PageDown: 6 };
const FONT = "12px system-ui, sans-serif";
const GAP = 8; // CSS pixels between the numbers and the curve
const SHORT = 6; // numbers that are too few for a line to be seen

/**
 * A number over time, drawn by uPlot; the pointer and the arrow keys read single points.
 *
 * Properties: points [[epoch seconds, number or null where it is not known]], in order; label, the name; describe,
 * (number or null) => text.
 */
class StCurve extends StElement {
  static properties = {
    points: { attribute: false },
    label: {},
    describe: { attribute: false },
    index: { state: true },
  };

  #plot;
  #drawn;
  #sized = new ResizeObserver(() => this.#resize());
  #themes = matchMedia("(prefers-color-scheme: dark)");
  #anew = () => this.#draw();

  constructor() {
    super();
    Object.assign(this, { points: [], label: "", describe: formatNumber, index: null });
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("st-theme", this.#anew);
    this.#themes.addEventListener("change", this.#anew);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("st-theme", this.#anew);
    this.#themes.removeEventListener("change", this.#anew);
    this.#sized.disconnect();
    this.#plot?.destroy();
    this.#plot = this.#drawn = undefined;
  }

  firstUpdated() {
    this.#sized.observe(this.querySelector(".curve-plot"));
  }

  updated() {
    if (this.#drawn === this.points) return;
    this.#drawn = this.points;
    if (this.#plot) this.#plot.setData(this.#data());
    else this.#draw();
  }

  render() {
    const shown = this.points[this.index ?? this.points.length - 1];
    const said = shown ? `${shortInstant(shown[0])} · ${this.describe(shown[1])}` : "";
    return html`<p class="curve-reading" aria-hidden="true">${this.index === null ? "" : said}</p>
      <div
        class="curve-plot"
        role="slider"
        tabindex="0"
        aria-label=${this.label}
        aria-valuemin="0"
        aria-valuemax=${Math.max(0, this.points.length - 1)}
        aria-valuenow=${this.index ?? Math.max(0, this.points.length - 1)}
        aria-valuetext=${said}
        @keydown=${this.#key}
        @blur=${() => this.#point(null)}
      ></div>
      <i class="curve-line" hidden></i><i class="curve-grid" hidden></i><i class="curve-text" hidden></i>`;
  }

  #key(event) {
    const last = this.points.length - 1;
    const from = this.index ?? last;
    const to = { Home: 0, End: last }[event.key] ?? from + (STEPS[event.key] ?? NaN);
    if (event.key === "Escape") this.#point(null);
    if (Number.isNaN(to) || last < 0) return;
    event.preventDefault();
    this.#point(Math.min(last, Math.max(0, to)));
  }

  /** Move the cursor to a point; null hides it. */
  #point(index) {
    const [at, value] = this.points[index] ?? [];
    const left = index === null ? -10 : this.#plot.valToPos(at, "x");
    this.#plot?.setCursor({ left, top: index === null ? -10 : this.#plot.valToPos(value ?? 0, "y") }, false);
    this.index = index;
  }

  #data() {
    return [this.points.map(([at]) => at), this.points.map(([, value]) => value)];
  }

  #draw() {
    const target = this.querySelector(".curve-plot");
    if (!target || !this.points.length) return;
    this.#plot?.destroy();
    // Computed colours: a canvas does not support light-dark().
    const color = (name) => getComputedStyle(this.querySelector(`.curve-${name}`)).color;
    const [line, grid, text] = ["line", "grid", "text"].map(color);
    const axis = { stroke: text, font: FONT, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    this.#plot = new uPlot(
      {
        width: target.clientWidth,
        height: target.clientHeight,
        tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone),
        legend: { show: false },
        padding: [12, 18, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 9 }, focus: { prox: -1 } },
        scales: { y: { range: (plot, least, most) => [0, Math.max(4, Math.ceil(most * 1.15))] } },
        axes: [
          { ...axis, grid: { show: false }, size: 30, space: 64, values: (plot, splits) => splits.map(formatClock) },
          {
            ...axis,
            size: (plot, texts) => Math.max(34, GAP + widest(plot, texts)),
            gap: GAP,
            values: (plot, splits) => splits.map(formatNumber),
            incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
          },
        ],
        series: [
          {},
          {
            stroke: line,
            width: 2,
            fill: (plot) => fading(plot, line),
            paths: uPlot.paths.stepped({ align: 1 }),
            points: { show: isShort, size: 7, fill: line },
          },
        ],
        hooks: { setCursor: [(plot) => (this.index = plot.cursor.left < 0 ? null : plot.cursor.idx)] },
      },
      this.#data(),
      target,
    );
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.querySelector(".curve-plot");
    if (this.#plot && width && (width !== this.#plot.width || height !== this.#plot.height)) {
      this.#plot.setSize({ width, height });
    }
  }
}

/** Whether a curve has so few numbers, as when recording has just begun, that points show them better than a line. */
function isShort({ data: [, numbers] }) {
  return numbers.filter((each) => each !== null).length <= SHORT;
}

/** The width of the longest of an axis' texts; uPlot asks first without any. */
function widest({ ctx }, texts) {
  ctx.save();
  ctx.font = FONT;
  const width = Math.max(0, ...(texts ?? []).map((each) => ctx.measureText(each).width));
  ctx.restore();
  return Math.ceil(width);
}

/** The fill: the line's colour, fading towards the bottom. */
function fading({ ctx, bbox }, color) {
  const channels = color.match(/[\d.]+/g).slice(0, 3);
  const gradient = ctx.createLinearGradient(0, bbox.top, 0, bbox.top + bbox.height);
  gradient.addColorStop(0, `rgba(${channels}, 0.28)`);
  gradient.addColorStop(1, `rgba(${channels}, 0.03)`);
  return gradient;
}

customElements.define("st-curve", StCurve);
