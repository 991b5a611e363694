// The names of the visible rows.
import { html, nothing } from "lit";
import { t } from "#i18n";

/** @param devices the devices of the rows in order, undefined while one is loading. */
export function labels(devices, href) {
  return devices.map((device) => (device ? label(device, href) : html`<span class="tl-name is-waiting"></span>`));
}

function label({ mac, name, owner, ip, status }, href) {
  const hint = owner || ip;
  return html`<a class="tl-name" href=${href(mac)} tabindex="-1" title="${name || mac} (${t(`status.${status}`)})">
    <i data-status=${status}></i><strong><span>${name || mac}</span></strong>${hint ? html`<small>${hint}</small>` : nothing}
  </a>`;
}
