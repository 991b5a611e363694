import { html, nothing, render } from "lit";
import { StElement } from "../element.js";
import { failure } from "../elements/parts.js";
import { locale } from "#here";
import { t } from "#i18n";
import { zone } from "../time.js";
import { barAt, listBars } from "./bars.js";
import { Calendar } from "./calendar.js";
import { Cursor } from "./cursor.js";
import { listen } from "./gestures.js";
import { Glide } from "./glide.js";
import { labels } from "./labels.js";
import { lay } from "./layout.js";
import { legend, manual } from "./legend.js";
import { AXIS, paint, readColors, readFont } from "./painter.js";
import { Rows } from "./rows.js";
import { Selection } from "./selection.js";
import { BLOCK, levelOf, Tiles } from "./tiles.js";
import "./timeline.css";
import { Tip } from "./tip.js";
import { BarSessions } from "./tooltip.js";
import { SPANS, View } from "./view.js";

const NEAR = 5; // pixels between the pointer and a bar it selects
const LIVE_MS = 10_000;
let number = 0;

/**
 * Presence on a canvas: a row per device, a bar per session; only visible rows are drawn.
 *
 * Properties:
 *   source  the data source, such as timeline/api-source.js: {rows, sessions, href}; a new one restarts.
 *   span    the visible seconds. until: their end as epoch seconds, null to follow "now".
 *   zone    the time zone's name.
 *   mark    epoch seconds of an instant to mark, null for none.
 * Methods: move(part of the span), zoom(factor), centre(epoch seconds), live(), refresh().
 * Events: st-view {span, until, from, to} when the reader has moved; st-total {total}, the number of devices;
 *   st-instant {at} when an instant is chosen on the axis, in epoch seconds; st-open {mac} when a device is chosen: unless prevented, its page opens.
 */
class StTimeline extends StElement {
  static properties = {
    source: { attribute: false },
    span: { type: Number },
    until: { attribute: false },
    zone: {},
    mark: { attribute: false },
    error: { state: true },
    hasRows: { state: true },
  };

  #id = `timeline-${(number += 1)}`;
  #tiles;
  #sessions;
  #cursor;
  #calendar;
  #glide = new Glide(new View(SPANS.week, null, Date.now() / 1000), () => this.#moved(), (view) => this.#tell(view));
  #tip = new Tip(() => this.querySelector(".tl-tip"), (index) => this.#layout(index));
  #selection = new Selection(this.#choices());
  #colors;
  #font;
  #canvas;
  #plot;
  #rows;
  #width = 0;
  #frame = 0;
  #hover = null; // {x, y}
  #ends = [];
  #labels = "";
  #wasComplete = false;
  #total = null;

  constructor() {
    super();
    Object.assign(this, { span: SPANS.week, until: null, zone, mark: null, hasRows: false });
  }

  /** The visible range. */
  get view() {
    return this.#glide.view;
  }

  move(part) {
    this.#glide.to(this.view.moved(part * this.view.width));
  }

  zoom(factor) {
    this.#glide.to(this.view.zoomed(factor));
  }

  centre(at) {
    this.#glide.to(this.view.centred(at));
  }

  live() {
    this.#glide.to(new View(this.view.span, null, this.#tiles.now, this.view.width));
  }

  /** Load what is in sight again; until then the old bars stay. */
  refresh() {
    this.#tiles?.refresh();
    this.#draw();
  }

  connectedCallback() {
    super.connectedCallback();
    const anew = () => this.#again();
    const recolour = () => {
      this.#colors = undefined;
      this.#draw();
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const live = setInterval(() => document.hidden || this.#draw(), LIVE_MS);
    const toPaper = () => this.#print(true);
    const toScreen = () => this.#print(false);
    addEventListener("beforeprint", toPaper);
    addEventListener("afterprint", toScreen);
    addEventListener("st-back", anew);
    addEventListener("st-theme", recolour);
    dark.addEventListener("change", recolour);
    this.#ends = [
      () => removeEventListener("beforeprint", toPaper),
      () => removeEventListener("afterprint", toScreen),
      () => removeEventListener("st-back", anew),
      () => removeEventListener("st-theme", recolour),
      () => dark.removeEventListener("change", recolour),
      () => clearInterval(live),
    ];
    if (this.hasUpdated) this.#attach();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const end of this.#ends) end();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#glide.stop();
    this.#tip.hide();
    this.#tiles?.stop();
  }

  firstUpdated() {
    this.#attach();
  }

  #attach() {
    this.#plot = this.querySelector(".tl-plot");
    this.#canvas = this.querySelector("canvas");
    const scroller = this.querySelector(".tl-scroll");
    this.#rows = new Rows(scroller, this.querySelector(".tl-rest"));
    const resized = new ResizeObserver(() => this.#measure());
    resized.observe(scroller);
    resized.observe(this.#plot);
    const end = listen(this.#plot, {
      move: (pixels) => this.#glide.go(this.view.moved(pixels)),
      scroll: (pixels) => this.#rows.scroll(pixels),
      zoom: (factor, x) => this.#glide.go(this.view.zoomed(factor, x)),
      hover: (x, y) => this.#point({ x, y }),
      leave: () => this.#point(null),
      click: (x, y, event) => this.#click(x, y, event),
      grab: (isGrabbed) => this.#plot.classList.toggle("is-grabbed", isGrabbed),
    });
    this.#ends.push(end, () => resized.disconnect());
    this.#measure();
  }

  willUpdate(changed) {
    if (changed.has("zone")) this.#calendar = new Calendar(this.zone, locale);
    if (changed.has("source") && this.source) {
      this.#tiles?.stop();
      this.#tiles = new Tiles(this.source, () => this.#loaded(), (error) => this.#fail(error));
      this.#sessions = new BarSessions(this.source);
      this.#cursor = new Cursor(this.source.count, () => this.#draw());
      Object.assign(this, { hasRows: false, error: undefined });
      this.#total = null;
      this.#labels = "";
      this.#wasComplete = false;
      this.#tip.hide();
      this.#selection.clear();
      this.#rows?.toTop();
    }
    if (changed.has("span") || changed.has("until")) {
      const now = this.#tiles?.now ?? Date.now() / 1000;
      const wanted = new View(this.span, this.until, now, this.view.width);
      // The page sets the properties to this element's own st-view values.
      if (Math.abs(wanted.from - this.view.from) > 1 || Math.abs(wanted.span - this.view.span) > 1) {
        this.#glide.view = wanted;
        this.#tip.hide();
      }
    }
  }

  updated() {
    this.#draw();
  }

  render() {
    return html`<div class="tl">
        <div class="tl-scroll" @scroll=${() => this.#draw()}>
          <div class="tl-sticky">
            <div class="tl-labels"><div class="tl-count"></div><div class="tl-names"></div></div>
            <div
              class="tl-plot"
              role="application"
              tabindex="0"
              aria-label=${t("timeline.label")}
              aria-describedby="${this.#id}-keys"
              aria-busy="true"
              @keydown=${(event) => this.#selection.press(event)}
              @focus=${() => this.#focus()}
              @blur=${() => this.#blur()}
            >
              <canvas aria-hidden="true"></canvas>
            </div>
            <div class="tl-tip" role="tooltip" hidden></div>
          </div>
          <div class="tl-rest"></div>
        </div>
        <p class="tl-unknown" role="note" hidden>${t("timeline.unknown")}</p>
        <p class="tl-unprinted" hidden></p>
        ${this.error && !this.hasRows ? html`<div class="tl-cover">${failure(this.error, () => this.#again())}</div>` : nothing}
        <p class="unseen" role="status"></p>
        <span class="tl-probe" hidden>
          ${["closed", "open", "missing", "text", "muted", "line", "sunken", "surface", "accent", "now"].map(
            (name) => html`<i class="tl-${name}"></i>`,
          )}
        </span>
      </div>
      <div class="tl-foot">${legend()}${manual(`${this.#id}-keys`)}</div>`;
  }

  // --- loading

  #again() {
    this.error = undefined;
    this.refresh();
  }

  #fail(error) {
    this.error = error;
    this.#plot.setAttribute("aria-busy", "false");
    this.#draw();
  }

  #loaded() {
    this.error = undefined;
    this.hasRows = true;
    const { total } = this.#tiles;
    if (total !== this.#total) this.dispatchEvent(new CustomEvent("st-total", { detail: { total } }));
    this.#total = total;
    this.#draw();
  }

  // --- the visible range

  #measure() {
    this.#width = this.#plot.clientWidth;
    this.classList.toggle("is-narrow", this.#rows.measure(this.clientWidth));
    if (this.classList.contains("is-paper")) this.#rows.measurePaper(this.#printed);
    this.#labels = "";
    this.#font = undefined;
    this.#draw();
  }

  /** On paper nothing scrolls: the rows that are loaded are in sight on one page. It says so if there are more. */
  #print(isPaper) {
    this.classList.toggle("is-paper", isPaper);
    this.#measure();
    const rows = this.#printed;
    const { rowHeight } = this.#rows.shape;
    this.style.setProperty("--tl-paper", `${AXIS + rows * rowHeight}px`);
    this.style.setProperty("--tl-paper-row", `${rowHeight}px`);
    const more = this.querySelector(".tl-unprinted");
    more.hidden = rows === (this.#total ?? 0);
    more.textContent = t("timeline.unprinted", { count: rows, total: this.#total ?? 0 });
    if (isPaper) this.#rows.toTop();
    cancelAnimationFrame(this.#frame);
    this.#drawNow();
  }

  /** How many rows are on paper. */
  get #printed() {
    return Math.min(this.#total ?? 0, BLOCK);
  }

  #moved() {
    this.#tip.hide();
    this.#draw();
  }

  #tell({ span, until, from, to }) {
    Object.assign(this, { span, until });
    this.dispatchEvent(new CustomEvent("st-view", { detail: { span, until, from, to } }));
  }

  // --- drawing

  #draw() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#drawNow());
  }

  #drawNow() {
    this.#frame = 0;
    if (!this.#tiles || !this.#canvas || !this.#width) return;
    const width = this.#width;
    const { total } = this.#tiles;
    if (total !== null) this.#rows.fit(total);
    const { height } = this.#rows;
    this.#glide.view = this.view.seen(this.#tiles.now, width);
    const ratio = devicePixelRatio || 1;
    const level = levelOf(this.view.perPixel / ratio);
    const [first, last] = this.#rows.inSight(total ?? BLOCK);
    const isComplete = this.#tiles.want(level, this.view.from, this.view.to, [first, last]);
    this.#colors ??= readColors(this.querySelector(".tl-probe"));
    this.#font ??= readFont(this.querySelector(".tl-probe"));
    const rows = this.#drawnRows(level, first, last);
    const unknown = this.error ? this.#tiles.unknown(level, this.view.from, this.view.to, [first, last]) : [];
    this.querySelector(".tl-unknown").hidden = !unknown.length;
    this.#fitCanvas(width, height, ratio);
    paint(this.#canvas.getContext("2d", { alpha: false }), {
      ...this.#rows.shape,
      view: this.view,
      height,
      ratio,
      rows,
      now: this.#tiles.now,
      knownUntil: this.error ? (this.#tiles.heardAt ?? this.#tiles.now) : this.#tiles.now,
      unknown,
      calendar: this.#calendar,
      colors: this.#colors,
      font: this.#font,
      hover: this.#hover && { ...this.#hover, count: this.#counted() },
      mark: this.mark,
      selected: this.#hover ? this.#rowAt(this.#hover.y) : this.#selection.index,
    });
    this.#drawLabels(first, last);
    if (isComplete && !this.#wasComplete) performance.mark("st-timeline-complete");
    this.#wasComplete = isComplete;
    if (isComplete || !this.error) this.#plot.setAttribute("aria-busy", isComplete ? "false" : "true");
  }

  /** How many were there at the pointer, as text; empty while it is not known, and after now. */
  #counted() {
    const at = this.view.at(this.#hover.x);
    if (at > this.#tiles.now) return "";
    const found = this.#cursor.at(at, NEAR * this.view.perPixel);
    if (!found) return "";
    return found.count ? t("timeline.devices", { count: found.count.devices }) : t("timeline.unrecorded");
  }

  #drawnRows(level, first, last) {
    const { from, to } = this.view;
    const pieces = new Map();
    const found = [];
    for (let index = first; index <= last; index += 1) {
      const device = this.#tiles.device(index);
      const block = Math.floor(index / BLOCK);
      if (!pieces.has(block)) pieces.set(block, this.#tiles.pieces(level, from, to, block));
      found.push({ index, top: this.#rows.top(index), mac: device?.mac, pieces: pieces.get(block) });
    }
    return found;
  }

  #fitCanvas(width, height, ratio) {
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width === across && this.#canvas.height === down) return;
    Object.assign(this.#canvas, { width: across, height: down });
    Object.assign(this.#canvas.style, { width: `${width}px`, height: `${height}px` });
  }

  #drawLabels(first, last) {
    const names = this.querySelector(".tl-names");
    names.style.transform = `translateY(${this.#rows.top(first) - AXIS}px)`;
    const shown = `${first} ${last} ${this.#tiles.version}`;
    if (shown === this.#labels) return;
    this.#labels = shown;
    const { total } = this.#tiles;
    const devices = [];
    // Not of rows that there are not: a label without a device is one that loads.
    for (let index = first; index <= last && index < (total ?? Infinity); index += 1) devices.push(this.#tiles.device(index));
    render(labels(devices, this.source.href), names);
    this.querySelector(".tl-count").textContent = total === null ? "" : t("timeline.devices", { count: total });
  }

  // --- the pointer

  #rowAt(y) {
    return this.#rows.at(y, this.#tiles.total ?? 0);
  }

  #bars(index) {
    const device = this.#tiles.device(index);
    if (!device) return [];
    const level = levelOf(this.view.perPixel / (devicePixelRatio || 1));
    const { from, to } = this.view;
    const pieces = this.#tiles.pieces(level, from, to, Math.floor(index / BLOCK));
    return listBars(pieces, device.mac, this.#tiles.now).filter((bar) => bar.to > from && bar.from < to);
  }

  /** The bar that is drawn there. */
  #barAt(x, index) {
    return index < 0 ? undefined : barAt(lay(this.#bars(index), this.view, devicePixelRatio || 1), x, NEAR)?.bar;
  }

  #point(place) {
    this.#hover = place;
    if (!place) this.#cursor?.leave();
    this.#draw();
    const index = place ? this.#rowAt(place.y) : -1;
    const bar = place && this.#barAt(place.x, index);
    this.#plot.classList.toggle("is-link", index >= 0 || Boolean(place && place.y < AXIS && this.source.count));
    if (bar) this.#explain(index, bar, place.x);
    else this.#tip.hide();
  }

  #click(x, y, event) {
    const index = this.#rowAt(y);
    if (index < 0) return y < AXIS ? this.#choose(x) : undefined;
    const { mac } = this.#tiles.device(index) ?? {};
    const bar = this.#barAt(x, index);
    // A finger cannot hover: the first touch shows the tooltip, the second one opens the device.
    if (event.pointerType === "touch" && !(bar && this.#tip.isPinned(mac, bar))) {
      this.#tip.hide();
      if (!bar) return;
      this.#explain(index, bar, x);
      this.#tip.pin(mac, bar);
      return;
    }
    this.#open(mac, event.ctrlKey || event.metaKey);
  }

  #choose(x) {
    const at = Math.floor(Math.min(this.view.at(x), this.#tiles.now));
    this.dispatchEvent(new CustomEvent("st-instant", { detail: { at } }));
  }

  #open(mac, inTab = false) {
    if (!mac) return;
    const isAllowed = this.dispatchEvent(new CustomEvent("st-open", { detail: { mac }, cancelable: true }));
    if (!isAllowed) return;
    if (inTab) open(this.source.href(mac), "_blank", "noopener");
    else location.assign(this.source.href(mac));
  }

  // --- the tooltip

  #explain(index, bar, x) {
    const device = this.#tiles.device(index);
    this.#tip.show({ ...bar, index, device }, x, {
      calendar: this.#calendar,
      sessions: this.#sessions,
      isOpen: bar.to >= this.#tiles.now - 1,
      // With a pointer nothing is announced.
      say: (text) => this.#selection.index >= 0 && this.#say(text),
    });
  }

  #layout(index) {
    const { shape, height } = this.#rows;
    return { left: this.#plot.offsetLeft, width: this.#width, top: this.#rows.top(index), rowHeight: shape.rowHeight, height };
  }

  #say(text) {
    this.querySelector("[role=status]").textContent = text;
  }

  // --- the keyboard

  #choices() {
    const element = this;
    return {
      get total() {
        return element.#tiles?.total;
      },
      get view() {
        return element.view;
      },
      get firstRow() {
        return element.#rows.first;
      },
      get rowsAPage() {
        return element.#rows.aPage;
      },
      bars: (index) => this.#bars(index),
      reveal: (index) => this.#reveal(index),
      chosen: (index, bar) => this.#chosen(index, bar),
      glide: (view) => this.#glide.to(view),
      live: () => this.live(),
      open: (index) => this.#open(this.#tiles.device(index)?.mac),
      hide: () => this.#tip.hide(),
    };
  }

  /** With the keyboard, the first visible row is selected; the pointer needs no selection. */
  #focus() {
    if (this.#plot.matches(":focus-visible") && this.#tiles?.total) this.#selection.resume();
  }

  #blur() {
    this.#selection.clear();
    this.#tip.hide();
    this.#draw();
  }

  #reveal(index) {
    this.#rows.reveal(index);
    this.#hover = null;
  }

  #chosen(index, bar) {
    this.#draw();
    const device = this.#tiles.device(index);
    if (!device) return;
    if (!bar) {
      this.#tip.hide();
      this.#say(`${device.name || device.mac}: ${t("timeline.nothing")}`);
      return;
    }
    const [from, to] = [Math.max(0, this.view.x(bar.from)), Math.min(this.view.width, this.view.x(bar.to))];
    this.#explain(index, bar, (from + to) / 2);
  }
}

customElements.define("st-timeline", StTimeline);
