// Translates wheel, drag, pinch and keys into actions on the timeline.

const DRAG_FROM = 4; // pixels; less is a click
const WHEEL_ZOOM = 0.0022; // per pixel of the wheel
const LINE = 16; // pixels, for a wheel that reports lines
const KEY_ZOOM = 1.5;
const KEY_MOVE = 0.12; // of the visible span

/**
 * @param plot the element that receives them. @param does {move(pixels), scroll(pixels), zoom(factor, x), hover(x, y),
 *   leave(), click(x, y, event), grab(isGrabbed)}; x and y are relative to the plot.
 * @returns a function that removes the listeners.
 */
export function listen(plot, does) {
  const pointers = new Map();
  let dragged = false;
  const place = (event) => {
    const box = plot.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  const wheel = (event) => {
    const unit = event.deltaMode === 1 ? LINE : event.deltaMode === 2 ? plot.clientHeight : 1;
    const [across, down] = [event.deltaX * unit, event.deltaY * unit];
    // A pinch on a touchpad arrives as a wheel event with Ctrl.
    if (event.ctrlKey || event.metaKey) {
      does.zoom(Math.exp(Math.max(-120, Math.min(120, down)) * (event.deltaMode ? 1 : 1.6) * WHEEL_ZOOM), place(event).x);
    } else if (event.shiftKey || Math.abs(across) > Math.abs(down)) {
      does.move(across || down);
    } else {
      return; // the browser scrolls the list
    }
    event.preventDefault();
  };

  const down = (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    if (pointers.size === 0) dragged = false;
    pointers.set(event.pointerId, { ...place(event), begin: place(event) });
  };

  const move = (event) => {
    const here = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") does.hover(here.x, here.y);
      return;
    }
    if (pointers.size === 2) pinch(event, here);
    else if (pointers.size === 1) drag(event, before, here);
    pointers.set(event.pointerId, { ...before, ...here });
  };

  function drag(event, before, here) {
    if (!dragged) {
      if (Math.hypot(here.x - before.begin.x, here.y - before.begin.y) < DRAG_FROM) return;
      dragged = true;
      plot.setPointerCapture(event.pointerId);
      does.grab(true);
    }
    does.move(before.x - here.x);
    // For touch, the browser scrolls the list.
    if (event.pointerType !== "touch") does.scroll(before.y - here.y);
  }

  function pinch(event, here) {
    dragged = true;
    const before = [...pointers.values()];
    const after = [...pointers].map(([id, each]) => (id === event.pointerId ? here : each));
    const [wide, now] = [before, after].map(([one, other]) => Math.hypot(one.x - other.x, one.y - other.y));
    const [from, to] = [before, after].map(([one, other]) => (one.x + other.x) / 2);
    if (now > 0) does.zoom(wide / now, to);
    does.move(from - to);
  }

  const up = (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size) return;
    if (dragged) does.grab(false);
    else if (event.type === "pointerup") does.click(place(event).x, place(event).y, event);
  };
  // A lifted finger also fires this event; the tooltip stays so that it can be read.
  const leave = ({ pointerType }) => pointerType !== "touch" && pointers.size === 0 && does.leave();

  const listeners = { wheel, pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, pointerleave: leave };
  for (const [name, does] of Object.entries(listeners)) plot.addEventListener(name, does, { passive: false });
  return () => {
    for (const [name, does] of Object.entries(listeners)) plot.removeEventListener(name, does);
  };
}

/**
 * Handle a key.
 *
 * @param does {move(pixels), zoom(factor), row(by), rowAt("first" | "last"), page(by), bar(by), now(), open(), close()}
 * @returns whether the key has an action.
 */
export function press(event, width, does) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const meaning = {
    ArrowLeft: () => (event.shiftKey ? does.bar(-1) : does.move(-width * KEY_MOVE)),
    ArrowRight: () => (event.shiftKey ? does.bar(1) : does.move(width * KEY_MOVE)),
    ArrowUp: () => does.row(-1),
    ArrowDown: () => does.row(1),
    PageUp: () => does.page(-1),
    PageDown: () => does.page(1),
    Home: () => does.rowAt("first"),
    End: () => does.rowAt("last"),
    "+": () => does.zoom(1 / KEY_ZOOM),
    "=": () => does.zoom(1 / KEY_ZOOM),
    "-": () => does.zoom(KEY_ZOOM),
    n: () => does.now(),
    N: () => does.now(),
    Enter: () => does.open(),
    Escape: () => does.close(),
  }[event.key];
  meaning?.();
  return Boolean(meaning);
}
