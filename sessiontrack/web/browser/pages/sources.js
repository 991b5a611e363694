import { html, nothing } from "lit";
import { get, send } from "../client.js";
import { StElement } from "../element.js";
import "../elements/copy.js";
import { ask } from "../elements/dialog.js";
import { badge, emptyState, pageHeader, segments } from "../elements/parts.js";
import { sourceState } from "../elements/source-state.js";
import "../elements/table.js";
import { toast } from "../elements/toast.js";
import { command, fullAddress, role } from "#here";
import { t } from "#i18n";
import { icon } from "../icons.js";
import { formatDuration, formatSeconds, instant, writtenInstant } from "../time.js";
import { UrlState } from "../url-state.js";
import "./sources.css";

const EVERY_MS = 20_000;
const PLACEHOLDER = "st_…";
const KINDS = { ok: "plain", silent: "warning", failing: "danger", archived: "quiet" };
const SCRIPT = "/usr/local/lib/sessiontrack-dhcp";
const HOOK = "/usr/bin/sessiontrack-hook";
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

/** The ways to add a source: commands, and words between them; those for this host are called as it has them. */
const WAYS = {
  here: () => [`${command} scan network --every 60s`],
  elsewhere: (to) => [`sessiontrack scan network --every 60s ${to}`],
  openwrt: (to) => [
    `${command} listen openwrt write hook ${to}`,
    // OpenWrt has no SFTP server, which scp needs.
    `ssh root@router "cat > ${HOOK} && chmod 700 ${HOOK}" < hook`,
    `ssh root@router "hostapd_cli -B -r -i phy0-ap0 -a ${HOOK}"`,
    `ssh root@router "sed -i '/^exit 0/d' /etc/rc.local"`,
    `ssh root@router "echo 'hostapd_cli -B -r -i phy0-ap0 -a ${HOOK} &' >> /etc/rc.local"`,
    `ssh root@router "echo ${HOOK} >> /etc/sysupgrade.conf"`,
    { words: t("sources.add.openwrt.leases") },
    `ssh root@router "cp ${HOOK} /etc/hotplug.d/dhcp/90-sessiontrack && /etc/init.d/dnsmasq restart"`,
    `ssh root@router "echo /etc/hotplug.d/dhcp/90-sessiontrack >> /etc/sysupgrade.conf"`,
  ],
  radius: () => [`${command} settings set RADIUS_CLIENTS "10.0.0.1=SECRET, 10.0.0.2=OTHER"`, `${command} listen radius --host 0.0.0.0`],
  dnsmasq: (to) => [`sessiontrack listen dhcp-script write ${SCRIPT} ${to}`, `echo dhcp-script=${SCRIPT} >> /etc/dnsmasq.conf`],
  api: (to, url, token) => [
    `curl -X POST ${url}/presence/scans -H "Authorization: Bearer ${token}" -d '{"source": "my scanner", "devices": [{"mac": "aabb.cc00.0001", "ip": "192.168.1.11"}]}'`,
  ],
};

/** What feeds us: each source's last look, rhythm and state, and how to add one. */
class SourcesPage extends StElement {
  static properties = { token: { state: true }, busy: { state: true } };

  #state = new UrlState(this, { add: "here" });
  #timer;

  #columns = [
    { label: t("sources.name"), kind: "main", cell: nameCell },
    { label: t("sources.state"), kind: "state", cell: stateCell },
    { label: t("sources.last"), kind: "number", cell: ({ last_look: at }) => instant(at) },
    { label: t("sources.rhythm"), kind: "number", leaves: 1, cell: rhythmCell },
    { label: t("sources.seen"), kind: "number", leaves: 2, cell: ({ seen, kind }) => t(kind === "scan" ? "sources.seen.look" : "sources.seen.day", { count: seen }) },
    { label: t("sources.why"), kind: "wide", cell: (source) => html`<div class="sources-why">${whyCell(source)}</div>` },
    ...(role === "viewer" ? [] : [{ label: t("sources.actions"), kind: "wide", isAction: true, cell: (source) => this.#actions(source) }]),
  ];

  #load = async ({ limit, offset, signal }) => {
    const { sources } = await get("/presence/sources", { signal });
    return { rows: sources.slice(offset, offset + limit), total: sources.length };
  };

  connectedCallback() {
    super.connectedCallback();
    this.#timer = setInterval(() => document.hidden || this.querySelector("st-table")?.refresh(), EVERY_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  render() {
    return html`
      ${pageHeader({ title: t("nav.sources"), lead: t("sources.lead") })}
      <st-table
        no-search
        caption=${t("sources.caption")}
        file="sources"
        .columns=${this.#columns}
        .load=${this.#load}
        .keyOf=${({ name }) => name}
        .empty=${emptyState({ sign: "sources", title: t("sources.empty"), text: t("sources.empty.text") })}
      ></st-table>
      ${this.#adding()}
    `;
  }

  #actions({ name, archived }) {
    const act = archived ? "unarchive" : "archive";
    return html`<div class="row-actions">
      <button type="button" class="button quiet" aria-label=${t(`sources.${act}.of`, { name })} @click=${() => this.#retire(name, !archived)}>
        ${icon(archived ? "refresh" : "archive")}${t(`sources.${act}`)}
      </button>
    </div>`;
  }

  async #retire(name, archived) {
    const change = (more) => send("PATCH", "/presence/sources", { name, archived, ...more });
    try {
      const done = archived ? await askToArchive(name, change) : await change();
      if (done) toast(t(archived ? "sources.archived" : "sources.unarchived", { name, count: done.disconnected }));
    } catch (error) {
      toast(error.message, "error");
    }
    this.querySelector("st-table").refresh();
  }

  #adding() {
    const { add: asked } = this.#state.value;
    const way = asked in WAYS ? asked : "here";
    const url = fullAddress("");
    const token = this.token ?? PLACEHOLDER;
    const commands = WAYS[way](`--url ${url} --token ${token}`, url, token);
    return html`<section class="card sources-add" aria-labelledby="sources-add">
      <h2 id="sources-add">${t("sources.add")}</h2>
      ${segments({
        label: t("sources.add"),
        value: way,
        options: Object.keys(WAYS).map((value) => ({ value, label: t(`sources.add.${value}`) })),
        change: (add) => this.#state.set({ add }),
      })}
      <p>${t(`sources.add.${way}.text`)}</p>
      ${["elsewhere", "openwrt"].includes(way) && LOOPBACK.test(new URL(url).hostname)
        ? html`<p class="notice" data-kind="warning">${icon("warning")}<span>${t("sources.add.loopback")}</span></p>`
        : nothing}
      <ol class="sources-commands" role="list">
        ${commands.map(
          (line) =>
            line.words
              ? html`<li>${line.words}</li>`
              : html`<li>
                  <code>${line}</code>
                  <st-copy text=${line} label=${t("sources.copy")}></st-copy>
                </li>`,
        )}
      </ol>
      ${["here", "radius"].includes(way) ? nothing : this.#tokenNote()}
    </section>`;
  }

  /** An admin makes the token here; it is in the commands then, and nowhere else. */
  #tokenNote() {
    if (this.token) return html`<p class="notice" role="status">${icon("key")}<span>${t("sources.token.made")}</span></p>`;
    if (role !== "admin") return html`<p class="muted">${t("sources.token.ask")}</p>`;
    return html`<p>
      <button type="button" class="button primary" ?disabled=${this.busy} @click=${() => this.#makeToken()}>
        ${icon("key")}${t("sources.token.make")}
      </button>
    </p>`;
  }

  async #makeToken() {
    this.busy = true;
    const name = `source ${writtenInstant(Date.now() / 1000, "medium")}`;
    try {
      this.token = (await send("POST", "/auth/tokens", { name, role: "operator" })).token;
    } catch (error) {
      toast(error.message, "error");
    }
    this.busy = false;
  }
}

const askToArchive = (name, change) =>
  ask({
    title: t("sources.archive.of", { name }),
    body: html`<p>${t("sources.archive.text")}</p>
      <label class="check"><input type="checkbox" name="disconnect" checked /><span>${t("sources.disconnect")}</span></label>`,
    action: t("sources.archive"),
    submit: ({ disconnect }) => change({ disconnect: Boolean(disconnect) }),
  });

const nameCell = ({ name, kind }) =>
  html`<strong>${name}</strong><small class="muted">${t(`sources.kind.${kind}`)}</small>`;

function stateCell(source) {
  const state = sourceState(source);
  return badge(KINDS[state], t(`sources.state.${state}`));
}

const rhythmCell = ({ rhythm_seconds: seconds }) =>
  seconds === null ? html`<span class="muted">–</span>` : t("sources.every", { time: formatSeconds(seconds) });

function whyCell(source) {
  const { archived, failing_since: failing, silent_since: silent, reason, quiet_seconds: quiet } = source;
  if (archived) return html`<span class="muted">${t("sources.retired")}</span>`;
  if (failing) return html`${t("sources.since")} ${instant(failing)}${reason ? html`: <q>${reason}</q>` : nothing}`;
  if (silent) return html`${t("sources.silent.since")} ${instant(silent)}`;
  return html`<span class="muted">${t("sources.quiet", { time: formatDuration(quiet) })}</span>`;
}

customElements.define("st-page-sources", SourcesPage);
