// For the web UI of another product, as an ES module: import { track } from ".../static/tracker.js".
import { track as trackAt } from "./tracker/track.js";

/** As in tracker/track.js; `base` defaults to the origin of this script. */
export const track = (options) => trackAt({ base: new URL("..", import.meta.url).href, ...options });
