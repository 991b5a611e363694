// Why an event is voided, or why a session lacks an end.
import { html, nothing } from "lit";
import { t } from "#i18n";
import { icon } from "../icons.js";
import { fullInstant } from "../time.js";
import { open } from "./dialog.js";
import "./why.css";

const OF_ENDS = ["VOIDED - Disconnected", "VOIDED - Device Down"];

/**
 * A badge that shows an explanation when it is pressed.
 *
 * @param meaning "voided" or "missing". @param row a row of `/sessions/session-events`, with its explanation.
 */
export const whyBadge = (kind, text, meaning, row) => html`<button
  type="button"
  class="badge why"
  data-kind=${kind}
  aria-haspopup="dialog"
  @click=${() => explain(text, meaning, row)}
>
  <span>${text}</span>${icon("info")}<span class="unseen">${t("history.why.ask")}</span>
</button>`;

function explain(title, meaning, row) {
  const { code } = row.explanation;
  const reason = code === "seen" ? `seen.${OF_ENDS.includes(row.type) ? "end" : "start"}` : code;
  open({
    title,
    body: html`<dl class="why-facts">${facts(row)}</dl>
      <div class="why-text">
        <h3>${t("history.why")}</h3>
        <p>${t(`history.why.${reason}`)}</p>
      </div>
      <div class="why-text muted">
        <h3>${t(`history.${meaning}.mean`)}</h3>
        <p>${t(`history.${meaning}.text`)}</p>
      </div>`,
    buttons: html`<button class="button primary" value="">${t("dialog.close")}</button>`,
  });
}

function facts({ mac, name, at, connected_at: start, disconnected_at: end, explanation }) {
  const { code, at: decisive, source } = explanation;
  const when = (instant) => (instant ? fullInstant(instant) : t("history.missing"));
  return html`${fact(t("history.device"), name || mac)}
  ${at
    ? fact(t("history.time"), when(at))
    : html`${fact(t("history.connection"), when(start))} ${fact(t("history.disconnection"), when(end))}`}
  ${decisive ? fact(code === "seen" ? t("history.why.seen") : t("history.why.next"), when(decisive)) : nothing}
  ${source ? fact(t("history.why.source"), source) : nothing}`;
}

const fact = (label, value) => html`<dt>${label}</dt>
  <dd>${value}</dd>`;
