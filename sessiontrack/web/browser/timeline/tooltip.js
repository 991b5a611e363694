// The sessions of a bar, for a tooltip and for screen readers.
import { html, nothing } from "lit";
import { t } from "#i18n";
import { formatDuration } from "../time.js";
import { KIND_NAMES } from "./legend.js";

const CLOCK = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const SHOWN = 4;
const MOST_KEPT = 200;
const LESS_THAN_A_PIXEL = 1; // seconds

/** Loads the sessions of bars, each once. */
export class BarSessions {
  #source;
  #kept = new Map();

  constructor(source) {
    this.#source = source;
  }

  /** {sessions, total}: the first few sessions of a bar. */
  of(mac, { from, to }, isOpen) {
    const name = `${mac} ${from} ${isOpen ? Math.floor(to / 60) : to}`;
    if (!this.#kept.has(name)) {
      if (this.#kept.size > MOST_KEPT) this.#kept.clear();
      const end = Math.max(Math.ceil(to), Math.floor(from) + LESS_THAN_A_PIXEL);
      const asked = this.#source.sessions({ mac, start: Math.floor(from), end, limit: SHOWN });
      this.#kept.set(name, asked);
      asked.catch(() => this.#kept.delete(name));
    }
    return this.#kept.get(name);
  }
}

const when = (calendar, text) =>
  text === null ? t("timeline.missing") : calendar.text(Date.parse(text) / 1000, "tooltip", CLOCK);

/** "17 Nov 2026, 17:36 – 18 Nov 2026, 08:23"; if both are on one day, the day only once. */
function stretch(calendar, session) {
  const { connected_at: from, disconnected_at: to } = session;
  if (from === null || to === null) return ends(calendar, session).join(" – ");
  return calendar.stretch(Date.parse(from) / 1000, Date.parse(to) / 1000, "tooltip", CLOCK);
}

function ends(calendar, { kind, connected_at: from, disconnected_at: to }) {
  return [when(calendar, from), kind === "open" ? t("timeline.still") : when(calendar, to)];
}

/** @param found {sessions, total}, undefined while loading. */
export function tooltip(calendar, device, found, error) {
  return html`<strong>${device.name || device.mac}</strong>
    ${device.name ? html`<span class="tl-tip-mac">${device.mac}</span>` : nothing}
    ${found ? sessionList(calendar, found) : html`<span class="muted">${error ? error.message : t("loading")}</span>`}`;
}

function sessionList(calendar, { sessions, total }) {
  return html`<ul>
      ${sessions.map(
        (session) => html`<li data-kind=${KIND_NAMES.get(session.kind)}>
          <span>${stretch(calendar, session)}</span>
          <small>
            ${session.duration_seconds === null ? nothing : html`${formatDuration(session.duration_seconds)} · `}${session.ip}
          </small>
        </li>`,
      )}
    </ul>
    ${total > sessions.length
      ? html`<span class="muted">${t("timeline.more", { count: total - sessions.length })}</span>`
      : nothing}`;
}

/** The same in one sentence. */
export function spoken(calendar, device, found) {
  const name = device.name || device.mac;
  if (!found) return name;
  const parts = found.sessions.map((session) => stretch(calendar, session));
  if (found.total > parts.length) parts.push(t("timeline.more", { count: found.total - parts.length }));
  return `${name}: ${parts.join("; ")}`;
}
