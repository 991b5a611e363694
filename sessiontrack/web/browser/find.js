// The search over everything, and the list of keys; loaded when they are first asked for.
import { html, nothing, render } from "lit";
import { get, getList } from "./client.js";
import { address, role } from "#here";
import { t } from "#i18n";
import "./find.css";

const MOST = 6; // devices
const MOST_ROWS = 12; // of a group
const PAUSE_MS = 150;
const PEOPLE_PERIOD = "365 days";

/** Pages of the navigation and the menu, as the server has put them into this one. */
const pages = () =>
  [...document.querySelectorAll(".sidebar a, .menu-item[href]:not(.only-narrow)")].map((link) => ({
    text: link.textContent.trim(),
    href: link.href,
  }));

let people;
let settings;

/** The names of those who were here, and of the settings: asked for once. */
function knownPeople() {
  people ??= get("/api/v2/session-stats", { params: { period: PEOPLE_PERIOD } }).then(
    (rows) => rows.map(({ username }) => ({ text: username, href: address(`/ui/people?users=${encodeURIComponent(username)}`) })),
    () => [],
  );
  return people;
}

function knownSettings() {
  if (role !== "admin") return [];
  settings ??= get("/settings").then(
    ({ settings: rows }) => rows.map(({ name }) => ({ text: name, href: address(`/ui/settings?section=configuration&q=${name}`) })),
    () => [],
  );
  return settings;
}

async function foundDevices(search, signal) {
  const { data } = await getList("/devices", { params: { search, limit: MOST }, signal });
  return data.devices.map(({ mac, name, ip, owner }) => ({
    text: name || mac,
    more: [name ? mac : "", ip, owner].filter(Boolean).join(" · "),
    href: address(`/ui/devices/${mac}`),
  }));
}

/** What is found, by group: [[group, [{text, more, href}]]]. */
async function find(text, signal) {
  const has = ({ text: each }) => each.toLowerCase().includes(text.toLowerCase());
  if (!text) return [["pages", pages()]];
  const [devices, users, names] = await Promise.all([foundDevices(text, signal), knownPeople(), knownSettings()]);
  const groups = { pages: pages().filter(has), devices, people: users.filter(has), settings: names.filter(has) };
  return Object.entries(groups).filter(([, rows]) => rows.length);
}

/** Open the search, unless a dialog is open already. */
export function openFind() {
  const dialog = opened("find");
  if (!dialog) return;
  let asking;
  let timer;
  const show = (groups) => render(view(groups, ask, move), dialog);
  const ask = ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(() => load(target.value.trim()), PAUSE_MS);
  };
  const load = async (text) => {
    asking?.abort();
    asking = new AbortController();
    try {
      show(await find(text, asking.signal));
    } catch (error) {
      if (error.name !== "AbortError") show(error);
    }
  };
  const move = (event) => {
    const links = [...dialog.querySelectorAll("a")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = links.indexOf(document.activeElement);
    if (step) {
      (at + step < 0 ? dialog.querySelector("input") : links[Math.min(at + step, links.length - 1)])?.focus();
    } else if (event.key === "Enter" && at < 0) {
      links[0]?.click();
    } else if (event.key === "Escape") {
      dialog.close(); // at once: a search field would be emptied first
    } else {
      return;
    }
    event.preventDefault();
  };
  show([]);
  dialog.showModal();
  load("");
}

function view(groups, ask, move) {
  return html`<div class="find" @keydown=${move}>
    <label>
      <span class="unseen" id="find-title">${t("find.title")}</span>
      <input type="search" autofocus placeholder=${t("find.placeholder")} maxlength="255" autocomplete="off" @input=${ask} />
    </label>
    <div class="find-rows" role="status">
      ${groups instanceof Error ? html`<p class="notice" data-kind="error">${groups.message}</p>` : groups.map(group)}
      ${groups.length === 0 ? html`<p class="muted">${t("table.nothing")}</p>` : nothing}
    </div>
  </div>`;
}

const group = ([name, rows]) => html`<section>
  <h2>${t(`find.${name}`)}</h2>
  <ul role="list">
    ${rows.slice(0, MOST_ROWS).map(
      ({ text, more, href }) => html`<li>
        <a href=${href}>${text}${more ? html` <small class="muted">${more}</small>` : nothing}</a>
      </li>`,
    )}
  </ul>
</section>`;

const KEYS = [
  ["/", "find"],
  ["Ctrl K", "find"],
  ["?", "keys"],
  ["Esc", "close"],
  ["↑ ↓ ← → + − N ↵", "timeline"],
];

/** Show the keys. */
export function openKeys() {
  const dialog = opened("keys");
  if (!dialog) return;
  render(
    html`<form method="dialog">
      <h2 id="keys-title">${t("keys.title")}</h2>
      <dl class="dialog-body keys">
        ${KEYS.map(([keys, what]) => html`<div><dt><kbd>${keys}</kbd></dt><dd>${t(`keys.${what}`)}</dd></div>`)}
      </dl>
      <div class="dialog-buttons"><button class="button" autofocus>${t("dialog.close")}</button></div>
    </form>`,
    dialog,
  );
  dialog.showModal();
}

function opened(name) {
  if (document.querySelector("dialog[open]")) return undefined;
  const dialog = document.createElement("dialog");
  dialog.className = `dialog ${name}-dialog`;
  dialog.setAttribute("aria-labelledby", `${name}-title`);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  document.body.append(dialog);
  return dialog;
}
