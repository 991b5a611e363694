import { html, nothing } from "lit";
import { get, send } from "../../client.js";
import { StElement } from "../../element.js";
import { toast } from "../../elements/toast.js";
import { address, role } from "#here";
import { t } from "#i18n";
import { icon } from "../../icons.js";

const MOST = 1000; // webhooks; there are fewer
const TYPES = ["Device Down", "Down Reconnected"];

/**
 * A switch: whether webhooks are notified when the device comes or goes, and which ones.
 *
 * Property: device. Event: st-changed, after a change.
 */
class DeviceTell extends StElement {
  static properties = { device: { attribute: false }, hooks: { state: true }, busy: { state: true } };

  connectedCallback() {
    super.connectedCallback();
    this.#load();
  }

  /** Only an admin sees the webhooks; without the list the switch works as well. */
  async #load() {
    if (role !== "admin") return;
    const hooks = await get("/webhooks", { params: { limit: MOST } }).catch(() => undefined);
    this.hooks = hooks?.filter(({ events }) => TYPES.some((each) => events.includes(each)));
  }

  render() {
    return html`<section class="card tell" aria-label=${t("devices.one.tell")}>
      ${icon("alerts")}
      <label class="check">
        <input
          type="checkbox"
          role="switch"
          aria-describedby="device-tell"
          .checked=${this.device.alert_down}
          ?disabled=${this.busy}
          @change=${(event) => this.#set(event.target)}
        />
        <span>${t("devices.one.tell")}</span>
      </label>
      <p id="device-tell" class="muted">${this.#note()}</p>
    </section>`;
  }

  #note() {
    if (!this.device.alert_down) return t("devices.one.tell.off");
    if (role !== "admin") return t("devices.one.tell.on");
    if (!this.hooks) return nothing;
    const own = this.device.tags.map(fold);
    const told = this.hooks.filter(({ tags }) => !tags.length || tags.some((each) => own.includes(fold(each))));
    if (told.length) return t("devices.one.tell.by", { names: told.map(({ name }) => name).join(", ") });
    return html`${t("devices.one.tell.nobody")} <a href=${address("/ui/alerts")}>${t("devices.one.tell.add")}</a>`;
  }

  async #set(input) {
    const { checked } = input;
    this.busy = true;
    try {
      await send("PATCH", `/devices/${this.device.mac}`, { alert_down: checked });
      this.device = { ...this.device, alert_down: checked };
      this.dispatchEvent(new Event("st-changed"));
    } catch (error) {
      input.checked = this.device.alert_down;
      toast(error.message, "error");
    }
    this.busy = false;
    await this.updateComplete;
    input.focus();
  }
}

const fold = (tag) => tag.toLowerCase();

customElements.define("st-device-tell", DeviceTell);
