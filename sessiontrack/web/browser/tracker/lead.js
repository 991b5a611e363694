// Elects the tab that pings for a login: the one that became visible last.
//
// A tab claims the lead with a number greater than all it has heard of. The previous leader first sends its last
// ping, and hands over when the server has answered, so pings cannot overtake each other. The other tabs detect a
// vanished leader by a timeout. Only BroadcastChannel is used: Web Locks are not available on plain HTTP.
const UNKNOWN_MS = 300; // wait for an unknown leader
const KNOWN_MS = 2000; // wait for a known leader; a silent one is frozen
const BUSY_MS = 15_000; // wait for a leader that waits for the server

/** For browsers and frames without BroadcastChannel: each tab leads. */
const ALONE = { postMessage() {}, close() {} };

/**
 * @param name the same for all tabs of one login.
 * @param every the interval of the leader's messages, in ms.
 * @param tab {isVisible(), lead(wasTold), yieldLead(): a promise of whether the server was reached}
 */
export function lead(name, every, tab) {
  let channel = ALONE;
  let highest = 0; // the number of the leader or of the latest claim
  let mine = -1;
  let leads = false;
  let isLed = false;
  let timer;

  const say = (type, more) => channel.postMessage({ type, number: highest, ...more });
  const later = (ms, then) => {
    clearTimeout(timer);
    timer = setTimeout(then, ms);
  };
  const watch = (ms = 2.5 * every) => later(ms * (1 + Math.random() / 2), take);

  const claim = () => (highest = mine = Math.max(highest + 1, Date.now()) + Math.random());

  function take() {
    if (mine === highest) return;
    claim();
    say("take", { isVisible: tab.isVisible() });
    later(isLed ? KNOWN_MS : UNKNOWN_MS, () => begin(false));
  }

  function begin(wasTold) {
    clearTimeout(timer);
    leads = true;
    tab.lead(wasTold);
    tellHere();
  }

  /** Another tab leads, or claims the lead. */
  function follow(number) {
    const led = leads;
    highest = number;
    leads = false;
    isLed ||= led;
    watch();
    return led;
  }

  function hear({ type, number, wasTold, isVisible }) {
    if (type === "who") return leads && tellHere();
    if (number < highest) {
      if (type === "take" && leads) tellHere();
      // Meanwhile a third tab has claimed the lead: pass it on.
      if (type === "given" && number === mine) say("given", { wasTold });
      // The leader closed before it received this tab's claim.
      if (type === "bye" && mine === highest && !leads) later(UNKNOWN_MS, () => begin(false));
      return;
    }
    if (number === mine) {
      if (leads) return;
      if (type === "wait") later(BUSY_MS, () => begin(false));
      if (type === "given") begin(wasTold);
    } else if (type === "take") {
      if (leads && tab.isVisible() && !isVisible) {
        // The claim comes from a hidden tab's timeout after the machine slept: keep the lead.
        highest = number;
        claim();
        return tellHere();
      }
      if (!follow(number)) return;
      say("wait");
      tab.yieldLead().then((told) => {
        if (mine !== highest) say("given", { wasTold: told });
        else if (!leads) begin(told);
      });
    } else if (type === "here") {
      if (follow(number)) tab.yieldLead();
      isLed = true;
      if (!isVisible && tab.isVisible()) take();
    } else if (type === "bye") {
      highest = number;
      isLed = false;
      if (tab.isVisible()) take();
      else watch(every / 60);
    }
  }

  /** Announce that there is a leader, and whether it is visible, so that a visible tab can take over. */
  const tellHere = () => say("here", { isVisible: tab.isVisible() });

  return {
    take,
    tellHere,
    open() {
      channel.close();
      try {
        channel = new BroadcastChannel(name);
        channel.onmessage = ({ data }) => {
          try {
            hear(data);
          } catch {} // never disturb the host page
        };
      } catch {}
      if (tab.isVisible()) return take();
      say("who");
      watch(every / 60);
    },
    close() {
      clearTimeout(timer);
      if (mine === highest) say("bye");
      leads = isLed = false;
      mine = -1;
      channel.close();
      channel = ALONE;
    },
  };
}
