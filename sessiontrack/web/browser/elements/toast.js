import { icon } from "../icons.js";
import { t } from "#i18n";
import { html, render } from "lit";

const SHOWN_MS = 6000;
const region = document.createElement("div");
region.className = "toasts";
region.setAttribute("role", "status");
document.body.append(region);

/** Show a short message; an error stays until it is closed. @param kind "success", "info" or "error". */
export function toast(message, kind = "success") {
  const item = document.createElement("div");
  item.className = "toast";
  item.dataset.kind = kind;
  const close = () => item.remove();
  const sign = { success: "check", info: "info", error: "warning" }[kind];
  render(
    html`${icon(sign)}<p>${message}</p>
      <button type="button" class="button quiet" aria-label=${t("toast.close")} @click=${close}>${icon("close")}</button>`,
    item,
  );
  region.append(item);
  if (kind !== "error") setTimeout(close, SHOWN_MS);
}
