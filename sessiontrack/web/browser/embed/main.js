// The widgets for other products' pages, in one classic script: `<script src="<base>/static/embed.js" defer>`.
import "./now.js";
import "./people.js";
import "./timeline.js";

// Pages below /embed/ take their settings from the fragment, which no server receives and no log stores.
const widget = document.querySelector("[data-by-fragment]");
if (widget) {
  const read = () => {
    const told = new URLSearchParams(location.hash.slice(1));
    for (const name of ["token", "mac", "period"]) {
      if (told.has(name)) widget.setAttribute(name, told.get(name));
    }
    if (told.has("theme")) document.documentElement.dataset.theme = widget.dataset.theme = told.get("theme");
  };
  addEventListener("hashchange", read);
  read();
}
