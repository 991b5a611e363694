// Amounts as bars; style attributes are forbidden, so the lengths are SVG attributes.
import { html, svg } from "lit";
import { formatSeconds } from "../time.js";
import { viewName } from "./views.js";
import "./bars.css";

const COLORS = 8;

/** A colour number for each name, for data-color: never the same for two that stand side by side in the list. */
export function colorsOf(names) {
  const beside = new Map(names.map((name) => [name, new Set()]));
  names.slice(1).forEach((name, index) => {
    if (name === names[index]) return;
    beside.get(name).add(names[index]);
    beside.get(names[index]).add(name);
  });
  const colors = new Map();
  for (const name of beside.keys()) {
    const taken = new Set([...beside.get(name)].map((other) => colors.get(other)));
    const usual = colors.size % COLORS;
    const free = Array.from({ length: COLORS }, (_, n) => (usual + n) % COLORS).find((each) => !taken.has(each));
    colors.set(name, free ?? usual);
  }
  return colors;
}

/**
 * Seconds by name as bars, the longest first.
 *
 * @param tabs {view: seconds} or {view: {tab: seconds}}. @param nameOf the name that is shown of a view without tabs.
 * @param pick (view) => ... makes buttons of the bars. @param picked those that are pressed.
 */
export function viewBars(tabs, { colors = colorsOf([]), whole, nameOf = viewName, pick, picked = [] } = {}) {
  const views = Object.entries(tabs)
    .map(([view, value]) => ({ view, parts: typeof value === "number" ? {} : value, seconds: sumOf(value) }))
    .sort((one, other) => other.seconds - one.seconds);
  const most = whole ?? Math.max(1, ...views.map(({ seconds }) => seconds));
  const button = (name, view) =>
    pick
      ? html`<button type="button" aria-pressed=${picked.includes(view) ? "true" : "false"} @click=${() => pick(view)}>${name}</button>`
      : name;
  return html`<ol class="bars" role="list">
    ${views.map(({ view, parts, seconds }) => {
      const tabsOf = Object.entries(parts).filter(([tab]) => tab);
      tabsOf.sort(([, one], [, other]) => other - one);
      return html`<li>
        ${bar(button(tabsOf.length ? view : nameOf(view), view), seconds, most, colors.get(view) ?? 0)}
        <ol role="list">
          ${tabsOf.map(([tab, part]) => html`<li class="bars-part">${bar(tab, part, most, colors.get(view) ?? 0)}</li>`)}
        </ol>
      </li>`;
    })}
  </ol>`;
}

const bar = (name, seconds, most, color) => html`<div class="bar">
  <span class="bar-name">${name}</span>
  <span class="bar-value">${formatSeconds(seconds)}</span>
  <svg aria-hidden="true">${svg`<rect data-color=${color} width=${`${(100 * seconds) / most}%`} height="100%" rx="3" />`}</svg>
</div>`;

/** The seconds of a view: a number, or numbers by tab. */
export const sumOf = (value) => (typeof value === "number" ? value : Object.values(value).reduce((sum, each) => sum + each, 0));

/** The sum over several users: {view: {tab: seconds}}. */
export function together(all) {
  const found = {};
  for (const tabs of all) {
    for (const [view, value] of Object.entries(tabs)) {
      const own = (found[view] ??= {});
      for (const [tab, seconds] of Object.entries(typeof value === "number" ? { "": value } : value)) {
        own[tab] = (own[tab] ?? 0) + seconds;
      }
    }
  }
  return found;
}
