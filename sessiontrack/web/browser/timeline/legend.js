// The meaning of colours and shapes.
import { html } from "lit";
import { t } from "#i18n";

/** The kinds: the server's names, and those of the style sheet. */
export const KIND_NAMES = new Map([
  ["closed", "closed"],
  ["open", "open"],
  ["missing connection", "no-begin"],
  ["missing disconnection", "no-end"],
]);

export const legend = () => html`<ul class="tl-legend" aria-label=${t("timeline.legend")}>
  ${[...KIND_NAMES.values(), "mixed", "now"].map(
    (name) => html`<li><i class="tl-sample" data-kind=${name}></i>${t(`timeline.legend.${name}`)}</li>`,
  )}
</ul>`;

const KEYS = [
  ["←  →", "move"],
  ["↑  ↓", "row"],
  ["⇧ ←  ⇧ →", "bar"],
  ["+  −", "zoom"],
  ["N", "now"],
  ["↵", "open"],
];

export const manual = (id) => html`<details class="tl-manual">
  <summary>${t("timeline.manual")}</summary>
  <div id=${id}>
    <p>${t("timeline.manual.pointer")}</p>
    <p>${t("timeline.manual.touch")}</p>
    <dl>
      ${KEYS.map(([keys, name]) => html`<div><dt><kbd>${keys}</kbd></dt><dd>${t(`timeline.key.${name}`)}</dd></div>`)}
    </dl>
  </div>
</details>`;
