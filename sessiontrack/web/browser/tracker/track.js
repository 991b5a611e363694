// Reports the visible path to the server in the user dialect: each ping covers the time since the last one.
import { lead } from "./lead.js";
import { pings } from "./pings.js";
import { rootOf } from "../root.js";

const TICK_MS = 1000;
const ASLEEP_MS = 5000; // a timer this late means that the machine slept
const MOST_AWAY_MS = 300_000;
const LONGEST_PART = 512;
const NOTHING = { path() {}, stop: async () => {} };

/**
 * Keep this user's session alive until `stop()`; never throws.
 *
 * @param base the address of sessiontrack.
 * @param token an API token or a function that returns a token; by default the cookies of a login at `base`.
 * @param interval seconds between pings.
 * @param path a function that returns the visible path, [view] or [view, tab]; by default the address.
 */
export function track(options = {}) {
  try {
    return begin(options);
  } catch {
    return NOTHING;
  }
}

function begin({ base = "", token, interval, path: given }) {
  const every = 1000 * Math.min(Math.max(Number(interval) || 60, 1), 3600);
  base = rootOf(base);
  const server = pings(base, token);
  const listening = new AbortController();
  const state = { quietUntil: 0, fails: 0, due: 0, ticked: 0, toldAt: 0 };
  let chosen; // set by path(...)
  let leads = false;
  let inSight = null; // the path visible in the leading tab since its last ping
  let lost; // the path of the time that could not be reported
  let queue = Promise.resolve();
  let timer;

  const asked = guarded(() => cleaned(given()));
  const isVisible = () => document.visibilityState === "visible";
  const now = () => (isVisible() ? (chosen ?? asked() ?? ofAddress()) : null);

  const tabs = lead(`sessiontrack ${base} ${typeof token === "string" ? token : ""}`, every, {
    isVisible,
    lead(wasTold) {
      leads = true;
      state.ticked = Date.now();
      inSight = now();
      if (wasTold) {
        state.toldAt = state.ticked;
        state.due = state.ticked + every;
      } else tell(null); // the time so far has no known path
      schedule();
    },
    yieldLead() {
      look();
      tell(inSight, "session-hide");
      end();
      return queue.then(() => lost === undefined);
    },
  });

  function end() {
    leads = false;
    inSight = null;
    clearTimeout(timer);
  }

  /** Whether this tab was awake since the last check. */
  function wasAwake() {
    const last = state.ticked;
    state.ticked = Date.now();
    return inSight === null || state.ticked - last <= ASLEEP_MS;
  }

  /** Check for a change of path, and report the time on the old one. */
  function look() {
    if (!leads) return;
    const next = now();
    if (!wasAwake()) tell(null);
    else if (isSame(next, inSight)) return;
    else tell(inSight, "session-hide");
    inSight = next;
    schedule();
  }

  function beat() {
    try {
      look();
      if (leads && Date.now() >= state.due) tell(inSight);
      if (inSight && !isQuiet()) server.stayReady().catch(failed);
    } finally {
      schedule();
    }
  }

  function schedule() {
    clearTimeout(timer);
    const wait = state.due - Date.now();
    if (leads) timer = setTimeout(guarded(beat), inSight ? Math.min(wait, TICK_MS) : wait);
  }

  /** Queue a ping: the time since the last one belongs to this path, or (null) to none. */
  function tell(path, call = "keepalive") {
    state.due = Date.now() + every;
    if (isQuiet()) state.due = Math.min(state.due, state.quietUntil);
    const after = () => leads && (tabs.tellHere(), schedule());
    queue = queue.then(() => ping(path, call)).then(after).catch(() => {});
  }

  const isQuiet = () => Date.now() < state.quietUntil;

  async function ping(path, call) {
    // Unreported time on different paths is credited to none.
    const said = lost === undefined || isSame(lost, path) ? path : null;
    lost = said;
    if (isQuiet()) return;
    try {
      // The session may have expired; if not, this changes nothing.
      if (Date.now() - state.toldAt > 2 * every) await server.tell("sessionstart");
      if (!said) await server.tell("keepalive", { visible: false });
      else if (call === "keepalive") await server.tell(call, { visible: true, path: said });
      else await server.tell(call, { path: said });
      heard();
    } catch (error) {
      await (error?.status === 409 ? server.tell("sessionstart").then(heard).catch(failed) : failed(error));
    }
  }

  function heard() {
    lost = undefined;
    // Widgets of the same page ask who is there.
    if (!state.toldAt) dispatchEvent(new Event("sessiontrack-here"));
    state.fails = state.quietUntil = 0;
    state.toldAt = Date.now();
  }

  /** Back off, longer each time, with a random part for each tab. */
  function failed(error) {
    const asked = 1000 * (Number(error?.headers?.get?.("Retry-After")) || 0);
    const wait = Math.min(every * 2 ** state.fails++, MOST_AWAY_MS) * (0.5 + Math.random());
    state.quietUntil = Date.now() + Math.max(wait, asked);
    state.due = Math.min(state.due, state.quietUntil);
    state.toldAt = 0;
  }

  /** The page unloads, for good or into the back/forward cache. */
  function leave() {
    const path = inSight;
    const isTold = leads && path && wasAwake() && state.toldAt && (lost === undefined || isSame(lost, path));
    end();
    if (isTold) server.tellLast("session-hide", { path });
    tabs.close();
  }

  const on = (target, type, then) => target.addEventListener(type, guarded(then), { signal: listening.signal });
  on(document, "visibilitychange", () => (leads || !isVisible() ? look() : tabs.take()));
  on(window, "focus", () => isVisible() && tabs.take());
  on(window, "pagehide", leave);
  on(window, "pageshow", ({ persisted }) => persisted && tabs.open());
  // A tab frozen by the browser to save power cannot lead.
  on(document, "freeze", leave);
  on(document, "resume", () => tabs.open());
  on(window, "popstate", look);
  on(window, "hashchange", look);
  on(window, "online", () => {
    state.quietUntil = 0;
    if (leads && lost !== undefined) tell(inSight);
  });
  const unwrap = guarded(wrapHistory)(guarded(look));
  tabs.open();

  return {
    /** Set the visible path, [view] or [view, tab]; null: use the address. */
    path: guarded((path) => {
      chosen = cleaned(path);
      look();
    }),
    /** Stop pinging; report the time on the visible path. */
    async stop() {
      guarded(() => {
        listening.abort();
        unwrap?.();
        look();
        if (inSight) tell(inSight, "session-hide");
        end();
        tabs.close();
      })();
      await queue;
    },
  };
}

const guarded = (act) => (...given) => {
  try {
    return act(...given);
  } catch {
    // Never disturb the host page.
  }
};

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** A path as the server accepts it; undefined if nothing is left of it. */
function cleaned(path) {
  const parts = (Array.isArray(path) ? path : [path ?? ""]).map((part) =>
    String(part).trim().slice(0, LONGEST_PART).replace(/[\x00-\x1f\x7f\ud800-\udfff]/gu, "").trim());
  return parts[0] ? parts.slice(0, 2).filter(Boolean) : undefined;
}

const ofAddress = () => cleaned([location.pathname, location.hash.slice(1)]);

/** Observe pushState and replaceState, which fire no event. */
function wrapHistory(changed) {
  const undo = ["pushState", "replaceState"].map((name) => {
    const own = history[name];
    const wrapped = (history[name] = function (...given) {
      const answer = own.apply(this, given);
      changed();
      return answer;
    });
    return () => history[name] === wrapped && (history[name] = own);
  });
  return () => undo.forEach((each) => each());
}
