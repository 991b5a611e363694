// Which of the tabs of a login pings: the one that came into sight last.
//
// A tab takes the lead by saying a number that is greater than all it has heard of. Whoever led says what its
// own time was, and gives the lead when the server has been told: so no ping can overtake another one. A leader
// that has vanished is missed after a while. BroadcastChannel alone: Web Locks are not there on plain HTTP.
const UNKNOWN_MS = 300; // whether there is a leader at all
const KNOWN_MS = 2000; // a leader who says nothing is frozen
const BUSY_MS = 15_000; // ... and one who waits for the server is not

/** For browsers, and frames, without the channel: each tab by itself. */
const ALONE = { postMessage() {}, close() {} };

/**
 * @param name the same for all tabs of one login.
 * @param every how often the leader is heard of, in ms.
 * @param tab {isVisible(), lead(wasTold), yieldLead(): a promise of whether the server was told}
 */
export function lead(name, every, tab) {
  let channel = ALONE;
  let highest = 0; // number of the leader, or of who takes the lead
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

  /** Another tab leads, or is about to. */
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
      // Meanwhile still another tab takes the lead.
      if (type === "given" && number === mine) say("given", { wasTold });
      // The leader left before it heard that this tab takes the lead.
      if (type === "bye" && mine === highest && !leads) later(UNKNOWN_MS, () => begin(false));
      return;
    }
    if (number === mine) {
      if (leads) return;
      if (type === "wait") later(BUSY_MS, () => begin(false));
      if (type === "given") begin(wasTold);
    } else if (type === "take") {
      if (leads && tab.isVisible() && !isVisible) {
        // Nobody has missed this one but for the time that the machine slept.
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

  /** So that the others know that there is a leader, and whether one of them is in sight while it is not. */
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
          } catch {} // the host page has nothing to do with it
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
