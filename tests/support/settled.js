// Counts what a page still waits for: answers, the short pauses after typing, and its next drawing.
// It runs before the page's own scripts; tests ask `window.settled()`.
(() => {
  const SHORT_MS = 260; // longer timers are the page's polling
  const PAUSE_MS = 10; // between two looks, of which a call makes so many
  const LOOKS = 100;
  const { fetch, setTimeout, clearTimeout, requestAnimationFrame, cancelAnimationFrame } = window;
  const answers = new Set();
  const timers = new Set();
  const drawings = new Set();

  const counted = (made) => {
    const done = () => answers.delete(made);
    answers.add(made);
    made.then(done, done);
    return made;
  };
  window.fetch = (...parameters) => counted(fetch(...parameters));
  for (const name of ["json", "text", "blob", "arrayBuffer"]) {
    const read = Response.prototype[name];
    Response.prototype[name] = function () {
      return counted(read.call(this));
    };
  }

  window.setTimeout = (task, ms = 0, ...rest) => {
    const run = (...given) => {
      timers.delete(timer);
      task(...given);
    };
    const timer = setTimeout(run, ms, ...rest);
    if (ms <= SHORT_MS) timers.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => {
    timers.delete(timer);
    clearTimeout(timer);
  };

  // Only the window's: a frame that is out of sight is never drawn.
  if (window === top) {
    window.requestAnimationFrame = (draw) => {
      const run = (at) => {
        drawings.delete(drawing);
        draw(at);
      };
      const drawing = requestAnimationFrame(run);
      drawings.add(drawing);
      return drawing;
    };
    window.cancelAnimationFrame = (drawing) => {
      drawings.delete(drawing);
      cancelAnimationFrame(drawing);
    };
  }

  // Where a test has set the page's clock, the page's timers wait for that test.
  const isQuiet = () =>
    document.readyState === "complete" &&
    !answers.size &&
    ((!timers.size && !drawings.size) || "__pwClock" in window) &&
    !document.querySelector(":not(:defined)");

  const nextDrawing = () => window === top && !document.hidden && new Promise(requestAnimationFrame);

  /**
   * Wait for a while until all is done, and still so after the next drawing: one thing starts the next.
   * The page itself looks again and again; a call of the test for each look took more CPU than the page.
   */
  window.settled = async () => {
    for (let look = 0; look < LOOKS; look++) {
      if (isQuiet()) {
        await nextDrawing();
        if (isQuiet()) return true;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return false;
  };
})();
