// The name of a page for readers: that of this web UI's pages, and for other products' what they send.
import { t } from "#i18n";

const IN_NAVIGATION = ["now", "presence", "devices", "events", "people", "month", "sources", "alerts", "api", "settings", "account"];
const OTHERS = ["device", "user-session"];

/** The name of a view without tabs. */
export function viewName(view) {
  if (IN_NAVIGATION.includes(view)) return t(`nav.${view}`);
  return OTHERS.includes(view) ? t(`view.${view}`) : view;
}

/** A path, [view] or [view, tab]. This web UI sends no tabs: a path with one is another product's. */
export const pathName = (path) => (path.length === 1 ? viewName(path[0]) : path.join(" › "));
