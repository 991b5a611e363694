// A browser's windows on one page, as frames, whose time only advances when the test says so.
// Runs first in every frame. The tabs' calls and messages are real, only their times are simulated.
if (window === top) {
  const timers = new Map();
  const asking = new Set();
  const DESK = { isAlive: () => true, isFrozen: () => false, isHidden: () => false };
  const channels = new Set();
  const reach = window.fetch.bind(window);
  let made = 0;
  let seed = 1;

  const desk = (window.desk = {
    now: 0,
    latency: 0, // at most this many ms each way, to the server and from tab to tab
    throttle: 1, // ms: hidden tabs' timers run at multiples of this
    seed: (value) => (seed = value),
    random() {
      seed = (seed * 1664525 + 1013904223) % 4294967296;
      return seed / 4294967296;
    },

    /** A timer of a tab; it dies with the tab, and waits while that is frozen. */
    later(act, ms, tab = DESK) {
      timers.set(++made, { at: desk.now + Math.max(Math.ceil(ms) || 0, 0), act, tab });
      return made;
    },
    cancel: (id) => timers.delete(id),
    onTheWay: () => Math.ceil(desk.random() * desk.latency),

    /** Time passes; whatever becomes due on the way happens, one after the other. */
    async run(ms) {
      const until = desk.now + ms;
      for (;;) {
        await rest();
        const { id, at, act, tab } = earliest();
        if (!(at <= until)) break;
        timers.delete(id);
        desk.now = Math.max(desk.now, at);
        if (tab.isAlive()) act();
      }
      desk.now = until;
    },

    /** Nothing runs meanwhile: the machine sleeps. */
    async sleep(ms) {
      desk.now += ms;
      await desk.run(0);
    },

    async fetch(url, init) {
      await passed();
      const asked = reach(url, { ...init, headers: { ...init?.headers, "X-Now": desk.now } });
      const done = asked.catch(() => {}).finally(() => asking.delete(done));
      asking.add(done);
      const answer = await asked;
      await passed();
      return answer;
    },

    channel(tab) {
      return class {
        constructor(name) {
          this.name = name;
          this.tab = tab;
          channels.add(this);
        }
        postMessage(data) {
          if (!channels.has(this)) throw new DOMException("closed", "InvalidStateError");
          if (!tab.isAlive()) return;
          const copy = structuredClone(data);
          for (const each of channels) {
            if (each === this || each.name !== this.name) continue;
            const hear = () => channels.has(each) && each.onmessage?.({ data: copy });
            desk.later(hear, desk.onTheWay(), { ...each.tab, isHidden: () => false });
          }
        }
        close() {
          channels.delete(this);
        }
      };
    },

    async open(name, url, shown) {
      const frame = Object.assign(document.createElement("iframe"), { name, src: url });
      frame.dataset.shown = shown;
      const loaded = new Promise((then) => frame.addEventListener("load", then, { once: true }));
      document.body.append(frame);
      await loaded;
      await desk.run(0);
    },
    async go(name, url) {
      const frame = document.getElementsByName(name)[0];
      const loaded = new Promise((then) => frame.addEventListener("load", then, { once: true }));
      frame.contentWindow.location = url;
      await loaded;
      await desk.run(0);
    },
    async close(name) {
      document.getElementsByName(name)[0].remove();
      await desk.run(0);
    },
    /** Without a word, as one whose process was killed. */
    crash(name) {
      document.getElementsByName(name)[0].dataset.crashed = "yes";
    },
    /** As browsers do with tabs that have been hidden for long: nothing runs in it, until it is thawed. */
    async freeze(name) {
      const frame = document.getElementsByName(name)[0];
      frame.contentDocument.dispatchEvent(new Event("freeze"));
      frame.dataset.frozen = "yes";
      await desk.run(0);
    },
    async thaw(name) {
      const frame = document.getElementsByName(name)[0];
      frame.dataset.frozen = "";
      frame.contentDocument.dispatchEvent(new Event("resume"));
      await desk.run(0);
    },
  });

  function earliest() {
    let first = {};
    for (const [id, { at, act, tab }] of timers) {
      if (tab.isFrozen()) continue;
      // A tab that becomes visible is no longer throttled.
      const due = tab.isHidden() ? Math.ceil(at / desk.throttle) * desk.throttle : at;
      if (!(first.at <= due)) first = { id, at: due, act, tab };
    }
    return first;
  }

  const passed = () => (desk.latency ? new Promise((then) => desk.later(then, desk.onTheWay())) : undefined);

  /** What has been answered has also been understood. */
  async function rest() {
    do {
      await Promise.all(asking);
      await new Promise((then) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = then;
        port2.postMessage(0);
      });
    } while (asking.size);
  }
} else if (window.parent === top && top.desk) {
  const { desk } = top;
  const { frameElement: frame, document: own } = window;
  const tab = {
    isAlive: () => own.defaultView !== null && !frame.dataset.crashed,
    isFrozen: () => Boolean(frame.dataset.frozen),
    isHidden: () => frame.dataset.shown !== "yes",
  };
  Date.now = () => desk.now;
  Math.random = desk.random;
  window.setTimeout = (act, ms) => desk.later(act, ms, tab);
  window.clearTimeout = desk.cancel;
  window.fetch = (url, init) => (frame.dataset.crashed ? new Promise(() => {}) : desk.fetch(new URL(url, location).href, init));
  window.BroadcastChannel = desk.channel(tab);
  Object.defineProperty(document, "visibilityState", { get: () => (frame.dataset.shown === "yes" ? "visible" : "hidden") });
  window.show = (value) => {
    frame.dataset.shown = value ? "yes" : "no";
    document.dispatchEvent(new Event("visibilitychange"));
  };
}
