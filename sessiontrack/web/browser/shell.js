// The menu for theme, language and account, and the banner for an unreachable server.
import { isBack, signOut } from "./client.js";
import { address, fullAddress, page, remember, user } from "#here";
import { t } from "#i18n";
import { toast } from "./elements/toast.js";
import { track } from "./tracker/track.js";

const AGAIN_MS = 5000;
const menu = document.getElementById("menu");
// Track the reader, too, as a user of this web UI.
const tracker = user && page ? track({ base: fullAddress(""), path: () => [page] }) : undefined;

for (const input of document.querySelectorAll("input[name=theme]")) {
  input.addEventListener("change", () => {
    remember("sessiontrack_theme", input.value);
    document.documentElement.dataset.theme = input.value;
    dispatchEvent(new Event("st-theme")); // canvases redraw themselves
  });
}

for (const input of document.querySelectorAll("input[name=language]")) {
  input.addEventListener("change", () => {
    remember("sessiontrack_language", input.value);
    location.reload();
  });
}

document.getElementById("logout")?.addEventListener("click", async () => {
  try {
    await tracker?.stop();
    await signOut();
    location.assign(address("/ui/login"));
  } catch (error) {
    toast(error.message, "error");
  }
});

addEventListener("click", (event) => {
  if (menu && !menu.contains(event.target)) menu.open = false;
});
menu?.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// The search and the list of keys are loaded when they are asked for.
const openFind = () => import("./find.js").then((find) => find.openFind());
const openKeys = () => import("./find.js").then((find) => find.openKeys());
const button = document.getElementById("find");
button?.addEventListener("click", openFind);
if (button) {
  addEventListener("keydown", (event) => {
    const isFind = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey;
    const isTyping = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (event.defaultPrevented || (isTyping && !isFind)) return;
    const open = isFind || event.key === "/" ? openFind : event.key === "?" ? openKeys : undefined;
    if (!open || (!isFind && (event.ctrlKey || event.metaKey || event.altKey))) return;
    event.preventDefault();
    open();
  });
}

const banner = document.createElement("p");
banner.className = "away";
banner.setAttribute("role", "status");
document.body.append(banner);
let asking;

addEventListener("st-away", () => {
  banner.textContent = t("shell.away");
  asking ??= setInterval(isBack, AGAIN_MS);
});
addEventListener("st-back", () => {
  banner.textContent = "";
  clearInterval(asking);
  asking = undefined;
});
