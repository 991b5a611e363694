// Small pieces of pages, as Lit templates.
import { html, nothing } from "lit";
import { ref } from "lit/directives/ref.js";
import { icon } from "../icons.js";
import { formatNumber, t } from "#i18n";
import { fullInstant, zone } from "../time.js";

/** The head of a page: its name, a line about its content, the time zone, and its actions. */
export const pageHeader = ({ title, lead = "", actions = nothing, times = true }) => html`
  <header class="page-head">
    <div>
      <h1>${title}</h1>
      <p class="muted">${lead} ${times ? t("shell.zone", { zone }) : nothing}</p>
      ${printedAt()}
    </div>
    <div class="page-actions">${actions}</div>
  </header>
`;

/** On paper: where the page comes from, and when it was printed. */
export const printedAt = () => html`<p class="only-print">${t("shell.printed", { host: location.host, time: fullInstant(new Date()) })}</p>`;

/** Name the browser's tab after what this page is about. */
export function nameTab(text) {
  document.title = `${text} · ${document.title.split(" · ").at(-1)}`;
}

/** A small label. @param kind "ok", "active", "warning", "danger", "plain" or "quiet". */
export const badge = (kind, text) => html`<span class="badge" data-kind=${kind}>${text}</span>`;

/** A device by its name, else by its MAC address, which may be broken in its middle and nowhere else. */
export const deviceName = ({ name, mac }) => name || html`<span class="mac">${mac.slice(0, 9)}<wbr />${mac.slice(9)}</span>`;

const STATUS_KINDS = { connected: "ok", disconnected: "quiet", down: "danger" };

/** A device's status. */
export const statusBadge = (status) => badge(STATUS_KINDS[status], t(`status.${status}`));

/** An empty state: its meaning, and what to do about it. */
export const emptyState = ({ sign = "info", title, text = "", action = nothing }) => html`
  <div class="empty">
    ${icon(sign)}
    <h2>${title}</h2>
    <p class="muted">${text}</p>
    ${action}
  </div>
`;

/** An error, with a button to try again. */
export const failure = (error, again) =>
  emptyState({
    sign: "warning",
    title: error.message,
    action: html`<button type="button" class="button" @click=${again}>${icon("refresh")}${t("retry")}</button>`,
  });

/**
 * A choice among few values, as buttons side by side. @param options [{value, label, count?}]
 */
export const segments = ({ label, value, options, change }) => html`
  <div class="pills" role="group" aria-label=${label}>
    ${options.map(
      (each) => html`<button
        type="button"
        aria-pressed=${each.value === value ? "true" : "false"}
        ${each.value === value ? ref(inSight()) : nothing}
        @click=${() => change(each.value)}
      >
        ${each.label}${each.count === undefined ? nothing : html` <span class="count">${formatNumber(each.count)}</span>`}
      </button>`,
    )}
  </div>
`;

/** If not all buttons fit, scroll to the chosen one. */
const inSight = () => (button) => {
  queueMicrotask(() => {
    const group = button?.parentElement;
    if (!group) return;
    const [inner, outer] = [button.getBoundingClientRect(), group.getBoundingClientRect()];
    if (inner.left < outer.left) group.scrollLeft -= outer.left - inner.left;
    if (inner.right > outer.right) group.scrollLeft += inner.right - outer.right;
  });
};
