import { html } from "lit";
import { t } from "#i18n";
import { pathName } from "../elements/views.js";
import { instant, Widget } from "./widget.js";

/** `<sessiontrack-people>`: the users in the web UI now, each with the current page. */
class People extends Widget {
  content({ people, people_total: total, timezone }) {
    return html`<section class="card">
      <h2 ?hidden=${this.hasAttribute("data-by-fragment")}>${t("now.people")}</h2>
      ${people.length
        ? html`<ul class="list" role="list">
            ${people.map(
              ({ username, start, last_visible_path: path }) => html`<li>
                <div><strong>${username}</strong><span class="muted">${path.length ? pathName(path) : t("now.path.none")}</span></div>
                <span class="muted">${t("now.since")} ${instant(start, timezone)}</span>
              </li>`,
            )}
          </ul>`
        : html`<p class="quiet muted">${t("now.people.none")}</p>`}
      ${total > people.length ? html`<p class="quiet muted">${t("now.people.rest", { count: total - people.length })}</p>` : ""}
    </section>`;
  }
}

customElements.define("sessiontrack-people", People);
