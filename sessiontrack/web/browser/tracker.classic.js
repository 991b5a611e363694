// tracker.js as a classic script: sessiontrack.track({...}).
import { track } from "./tracker/track.js";

const base = new URL("..", document.currentScript?.src ?? location.href).href;
window.sessiontrack = { ...window.sessiontrack, track: (options) => track({ base, ...options }) };
