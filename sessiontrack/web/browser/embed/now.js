import { html, nothing } from "lit";
import { EVENT_KINDS } from "../elements/event-badge.js";
import { badge, deviceName } from "../elements/parts.js";
import { formatNumber, t } from "#i18n";
import { instant, Widget } from "./widget.js";

const TILES = ["connected", "disconnected", "new", "down"];

/** `<sessiontrack-now>`: the number of devices by status, and the latest events. */
class Now extends Widget {
  content({ devices, events, timezone }) {
    return html`<dl class="tiles">
        ${TILES.map((each) => html`<div class="card"><dt>${t(`now.tile.${each}`)}</dt><dd>${formatNumber(devices[each])}</dd></div>`)}
      </dl>
      <section class="card">
        <h2>${t("now.events")}</h2>
        ${events.length
          ? html`<ul class="list events" role="list">
              ${events.map((each) => eventRow(each, timezone))}
            </ul>`
          : html`<p class="quiet muted">${t("now.events.none")}</p>`}
      </section>`;
  }
}

const eventRow = ({ at, mac, name, owner, type, voided }, timezone) => html`<li>
  <div><strong>${deviceName({ mac, name })}</strong>${owner ? html`<small class="muted">${owner}</small>` : nothing}</div>
  ${eventBadge(type, voided)}
  <span class="muted">${instant(at, timezone)}</span>
</li>`;

function eventBadge(type, voided) {
  const said = type in EVENT_KINDS ? t(`event.${type}`) : type;
  return voided ? badge("quiet", t("event.voided", { type: said })) : badge(EVENT_KINDS[type] ?? "quiet", said);
}

customElements.define("sessiontrack-now", Now);
