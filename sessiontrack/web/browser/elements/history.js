// Events and sessions from `/sessions/session-events`, for a <st-table>.
import { html, nothing } from "lit";
import { get } from "../client.js";
import { address } from "#here";
import { t } from "#i18n";
import { formatDuration, instant } from "../time.js";
import { eventKind } from "./event-badge.js";
import { badge, deviceName } from "./parts.js";
import { whyBadge } from "./why.js";

const SESSION_TYPES = ["sessions", "missing", "missing_connection", "missing_disconnection"];
const WORD = 20; // "10.0.1.20" and the like

/** Whether this type lists sessions; the others list events. */
export const listsSessions = (type) => SESSION_TYPES.includes(type);

/** A table's `load` function for this type. @param span a periodValue. @param mac limits the rows to this device. */
export const historyLoader =
  ({ type, span, mac }) =>
  async ({ search, sort, limit, offset, signal }) => {
    const params = { ...historyParams({ type, span, mac, search, sort }), limit, page: offset / limit + 1, format: "json" };
    const { events, total } = await get("/sessions/session-events", { params, signal });
    return { rows: events, total };
  };

/** The parameters of a list and of its CSV file. */
export const historyParams = ({ type, span, mac, search, sort }) => ({
  type,
  ...span,
  mac,
  search,
  sortCol: sort.replace(/^-/, ""),
  sortDir: sort.startsWith("-") ? "desc" : "asc",
});

/** The number of rows of each type. */
export const historyTotals = ({ span, mac }, signal) =>
  get("/sessions/totals", { params: { format: "named", ...span, mac }, signal });

/** The columns of this type. @param withDevice whether the rows belong to several devices. */
export function historyColumns(type, { withDevice }) {
  const own = listsSessions(type) ? sessionColumns(withDevice) : eventColumns(withDevice);
  return [
    ...(withDevice ? [{ label: t("history.device"), sort: "name", kind: "main", cell: deviceCell }] : []),
    ...own,
    ...(withDevice ? [{ label: t("history.owner"), sort: "owner", leaves: 2, cell: ({ owner }) => owner }] : []),
    { label: t("history.ip"), sort: "ip_number", kind: "mono", leaves: 1, cell: ({ ip }) => ip },
    { label: t("history.info"), sort: "info", kind: "wide", leaves: 3, cell: infoCell },
  ];
}

const eventColumns = (withDevice) => [
  {
    label: t("history.time"),
    sort: "order_time",
    kind: withDevice ? "number" : "main",
    isBeside: withDevice,
    cell: ({ at }) => html`<span>${instant(at)}</span>`,
  },
  { label: t("history.event"), sort: "type", kind: "state", cell: eventCell },
];

const sessionColumns = (withDevice) => [
  {
    label: t("history.connection"),
    sort: "order_time",
    kind: withDevice ? "number" : "main",
    cell: ({ connected_at: at }) => html`<span>${at === null ? missing() : instant(at)}</span>`,
  },
  { label: t("history.disconnection"), sort: "disconnection", kind: "number", cell: disconnectionCell },
  {
    label: t("history.duration"),
    sort: "duration_seconds",
    leaves: 5,
    kind: "number",
    cell: ({ duration_seconds: seconds }) => (seconds === null ? html`<span class="muted">–</span>` : formatDuration(seconds)),
  },
  { label: t("history.state"), kind: "state", cell: sessionBadge },
];

const infoCell = ({ info }) => (info.length > WORD ? html`<span class="words">${info}</span>` : info);

const missing = () => html`<span class="muted">${t("history.missing")}</span>`;

function disconnectionCell({ disconnected_at: at, still_connected: isOpen }) {
  if (isOpen) return html`<span class="muted">…</span>`;
  return at === null ? missing() : instant(at);
}

function sessionBadge(session) {
  if (session.still_connected) return badge("ok", t("history.open"));
  return session.explanation ? whyBadge("warning", t("history.incomplete"), "missing", session) : badge("active", t("history.closed"));
}

function eventCell(event) {
  const { kind, text } = eventKind(event.type);
  return event.explanation ? whyBadge(kind, text, "voided", event) : badge(kind, text);
}

const deviceCell = ({ mac, name }) => html`<a href=${address(`/ui/devices/${mac}`)}>${deviceName({ mac, name })}</a>
  ${name ? html`<small class="muted mono">${mac}</small>` : nothing}`;
