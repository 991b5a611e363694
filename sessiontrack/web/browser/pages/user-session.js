import { html, nothing, svg } from "lit";
import { get, getList } from "../client.js";
import { Returning, StElement } from "../element.js";
import { colorsOf, viewBars } from "../elements/bars.js";
import { badge, emptyState, failure, nameTab, pageHeader } from "../elements/parts.js";
import { pathName } from "../elements/views.js";
import { address } from "#here";
import { icon } from "../icons.js";
import { Live, ofPeople } from "../live.js";
import { t } from "#i18n";
import { formatClock, formatDuration, formatSeconds, instant, shortInstant } from "../time.js";
import "./people.css";

const MOST_VIEWS = 1000;

/** One user session: its views in order. */
class UserSessionPage extends StElement {
  static properties = { session: {}, found: { state: true }, error: { state: true } };

  #load = async ({ isQuiet = false } = {}) => {
    const path = `/api/v2/sessions/${this.session}`;
    try {
      const [session, views] = await Promise.all([
        get(path),
        getList(`${path}/views`, { params: { limit: MOST_VIEWS } }),
      ]);
      Object.assign(this, { found: { session, views: shaded(views.data), total: views.total }, error: undefined });
      nameTab(`${session.username}, ${shortInstant(session.start)}`);
    } catch (error) {
      if (!isQuiet) this.error = error;
    }
  };

  #following = new Live(this, ofPeople, () => {
    // One that has ended stays as it is.
    if (this.found?.session.active) this.#load({ isQuiet: true });
  });

  #returning = new Returning(this, () => this.#load({ isQuiet: Boolean(this.found) }));

  connectedCallback() {
    super.connectedCallback();
    this.#load();
  }

  render() {
    if (this.error) return html`<div class="card">${this.#failed()}</div>`;
    if (!this.found) return html`<div class="card skeleton" aria-busy="true"><div></div><div></div><div></div></div>`;
    const { session, views, total } = this.found;
    const colors = colorsOf([...Object.keys(session.tab_duration), ...views.map(({ path }) => path[0])]);
    return html`
      <a class="back" href=${address("/ui/people")}>${icon("left")}${t("nav.people")}</a>
      ${pageHeader({ title: session.username, lead: t("people.session.lead") })} ${factsOf(session)}
      ${Object.keys(session.tab_duration).length
        ? html`<div class="people-columns">
            ${views.length ? timeline(session, views, total, colors) : unordered()} ${timesOf(session, colors)}
          </div>`
        : html`<div class="card">${emptyState({ sign: "people", title: t("people.session.unseen") })}</div>`}
    `;
  }

  #failed() {
    if (this.error.status !== 404) return failure(this.error, this.#load);
    return emptyState({
      sign: "warning",
      title: t("people.session.gone"),
      text: t("people.session.gone.text"),
      action: html`<a class="button" href=${address("/ui/people")}>${t("nav.people")}</a>`,
    });
  }
}

const factsOf = (session) => html`<dl class="card people-facts">
  ${fact("state", session.active ? badge("ok", t("people.active")) : badge("quiet", t("people.ended")))}
  ${fact("start", instant(session.start))} ${fact("last_ping", instant(session.last_ping))}
  ${fact("length", formatDuration(session.last_ping - session.start))}
  ${fact("visible", formatSeconds(session.visible_duration))}
</dl>`;

/** Of two tabs of one view in a row, which have its colour, the second one is lighter. */
function shaded(views) {
  let before;
  return views.map((each) => {
    const isLighter = before?.path[0] === each.path[0] && !before.isLighter;
    return (before = { ...each, isLighter });
  });
}

const fact = (name, value) => html`<div>
  <dt>${t(`people.${name}`)}</dt>
  <dd>${value}</dd>
</div>`;

const timeline = (session, views, total, colors) => html`<section class="card people-card" aria-labelledby="views">
  <h2 id="views">${t("people.session.views")}</h2>
  <svg class="people-track" aria-hidden="true">${views.map((each) => stretch(each, session, colors))}</svg>
  <div class="people-ends" aria-hidden="true">
    <span>${formatClock(session.start)}</span><span>${formatClock(session.last_ping)}</span>
  </div>
  <ol class="people-visits" tabindex="0" aria-labelledby="views">
    ${views.map(
      ({ path, since, until, visible_duration: seconds, isLighter }) => html`<li>
        <svg class="people-dot" aria-hidden="true">${svg`<rect data-color=${colors.get(path[0])} ?data-lighter=${isLighter} width="100%" height="100%" rx="3" />`}</svg>
        <strong>${pathName(path)}</strong>
        <b>${formatSeconds(seconds)}</b>
        <small class="muted">${instant(since)} – ${instant(until, since)}</small>
      </li>`,
    )}
  </ol>
  ${total > views.length ? html`<p class="muted">${t("people.session.more", { count: total - views.length })}</p>` : nothing}
</section>`;

function stretch({ path, since, until, visible_duration: seconds, isLighter }, session, colors) {
  const percent = (length) => `${(100 * length) / Math.max(1, session.last_ping - session.start)}%`;
  const said = `${pathName(path)}, ${formatClock(since)}–${formatClock(until)}, ${formatSeconds(seconds)}`;
  return svg`<rect data-color=${colors.get(path[0])} ?data-lighter=${isLighter} x=${percent(since - session.start)} width=${percent(until - since)}
    height="100%"><title>${said}</title></rect>`;
}

const unordered = () => html`<section class="card">
  ${emptyState({ title: t("people.session.unordered"), text: t("people.session.unordered.text") })}
</section>`;

const timesOf = (session, colors) => html`<section class="card people-card" aria-labelledby="times">
  <h2 id="times">${t("people.views")}</h2>
  ${viewBars(session.tab_duration, { colors })}
</section>`;

customElements.define("st-page-user-session", UserSessionPage);
