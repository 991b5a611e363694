import { html } from "lit";
import { get } from "../../client.js";
import { StElement } from "../../element.js";
import "../../elements/copy.js";
import { address } from "#here";
import { t } from "#i18n";

/** What runs here, and whose work it contains. */
class About extends StElement {
  static properties = { version: { state: true } };

  async connectedCallback() {
    super.connectedCallback();
    this.version = await get("/healthz").then(({ version }) => version, (error) => error.message);
  }

  render() {
    const text = `sessiontrack ${this.version ?? "…"}`;
    return html`<dl class="card facts-list">
      <div>
        <dt><strong>${t("settings.about.version")}</strong></dt>
        <dd><code>${text}</code><st-copy text=${text} label=${t("settings.about.version.copy")}></st-copy></dd>
      </div>
      <div>
        <dt><strong>${t("settings.about.licence")}</strong></dt>
        <dd>MIT</dd>
      </div>
      <div>
        <dt>
          <strong>${t("settings.about.licences")}</strong><small class="muted">${t("settings.about.licences.text")}</small>
        </dt>
        <dd><a href=${address("/static/licenses.txt")}>licenses.txt</a></dd>
      </div>
      <div>
        <dt><strong>${t("settings.about.api")}</strong></dt>
        <dd><a href=${address("/openapi.json")}>openapi.json</a></dd>
      </div>
    </dl>`;
  }
}

customElements.define("st-about", About);
