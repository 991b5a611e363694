// What a reader cannot read on the page as it is now: texts that are cut off, texts that lie on each other, an address or
// an instant in two lines, and values that stand elsewhere in each row of a list. Elements with a shadow tree (the widgets)
// are looked into.
() => {
  const SLACK = 1.5; // CSS pixels, for fractions
  // They scroll on purpose: a row of choices, a table of days, a long list of addresses.
  const SCROLLS = ".pills, .days, .table-scroll thead, .heat, pre, .swagger-ui, [data-scrolls]";
  const nameOf = (element) => {
    const kind = element.getAttribute("data-kind") || element.className;
    return `${element.localName}${kind && typeof kind === "string" ? `.${kind.split(" ")[0]}` : ""}`;
  };
  const known = new Map();
  /** The box and the style of an element, read once. */
  const facts = (element) => {
    if (!known.has(element)) {
      const { overflowX, overflowY, position, clipPath } = getComputedStyle(element);
      known.set(element, { overflowX, overflowY, position, clipPath, frame: element.getBoundingClientRect() });
    }
    return known.get(element);
  };
  // Whole, or one of the parts between which it may be broken.
  const ADDRESS = /^(?:[\dA-F]{2}:){2,5}(?:[\dA-F]{2})?$/;
  const isForOthers = (element) => element.closest("noscript, option, datalist, script, style, .swagger-ui");
  /** The element around this one, out of its shadow tree too. */
  const around = (element) => element.parentElement ?? element.getRootNode().host;
  const roots = [document.body];
  for (const root of roots) {
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) roots.push(element.shadowRoot);
  }
  const everywhere = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]);
  function* texts() {
    for (const root of roots) {
      const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) yield walker.currentNode;
    }
  }
  /** Whether only screen readers get it. */
  const isClipped = (element) => {
    for (let each = element; each; each = around(each)) if (facts(each).clipPath === "inset(50%)") return true;
    return false;
  };
  const isUnseen = (element) => isForOthers(element) || isClipped(element);
  const context = document.createElement("canvas").getContext("2d");

  /** The part of a text's box that can be seen, or what cuts it. */
  function look(element, box) {
    let { left, right, top, bottom } = box;
    let isFixed = false;
    for (let each = element; each && each !== document.body; each = around(each)) {
      const { overflowX, overflowY, position, frame } = facts(each);
      const isScrolled = (overflow) => overflow === "auto" || overflow === "scroll";
      if (overflowX !== "visible" && (right > frame.right + SLACK || left < frame.left - SLACK)) {
        if (!isScrolled(overflowX) || (!each.matches(SCROLLS) && !each.closest(SCROLLS))) return { cut: nameOf(each) };
        if (left >= frame.right || right <= frame.left) return {};
        [left, right] = [Math.max(left, frame.left), Math.min(right, frame.right)];
      }
      if (overflowY !== "visible" && (bottom > frame.bottom + SLACK || top < frame.top - SLACK)) {
        if (top >= frame.bottom - SLACK || bottom <= frame.top + SLACK) return {};
        if (!isScrolled(overflowY) && !each.matches(".tl-sticky, .tl-labels")) return { cut: nameOf(each) };
        [top, bottom] = [Math.max(top, frame.top), Math.min(bottom, frame.bottom)];
      }
      if (position === "fixed") isFixed = true;
    }
    if (right > innerWidth + SLACK || left < -SLACK) return { cut: "window" };
    return { seen: { left, right, top, bottom, isFixed } };
  }

  const found = [];
  const seen = [];
  for (const node of texts()) {
    const element = node.parentElement;
    const text = node.data.trim();
    if (!text || isUnseen(element) || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const lines = new Set(Array.from(range.getClientRects(), ({ top }) => Math.round(top)));
    if (lines.size > 1 && (element.closest("time") || ADDRESS.test(text))) found.push(`in two lines: “${text}”`);
    for (const box of range.getClientRects()) {
      if (box.width < 1 || box.height < 1) continue;
      const { cut, seen: part } = look(element, box);
      if (cut) found.push(`cut by ${cut}: ${nameOf(element)} “${text.slice(0, 60)}”`);
      if (part) seen.push({ ...part, node, text, element });
    }
  }
  for (const input of everywhere("input, select")) {
    if (isUnseen(input) || !input.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    context.font = getComputedStyle(input).font;
    const style = getComputedStyle(input);
    const room = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const isTruncated = input.scrollWidth > input.clientWidth + SLACK;
    const hint = input.placeholder ?? "";
    if (isTruncated || context.measureText(hint).width > room + SLACK) found.push(`cut: ${nameOf(input)} “${input.value || hint}”`);
  }
  // A line's box is higher than its letters.
  seen.sort((one, other) => one.top - other.top);
  seen.forEach((one, index) => {
    for (const other of seen.slice(index + 1)) {
      if (other.top >= one.bottom) break;
      if (one.node === other.node || one.isFixed !== other.isFixed) continue;
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (across > SLACK && down > 0.35 * Math.min(one.bottom - one.top, other.bottom - other.top)) {
        found.push(`on each other: “${one.text.slice(0, 40)}” “${other.text.slice(0, 40)}”`);
      }
    }
  });
  // Beside each other without a space between: read as one word.
  for (const bar of everywhere("nav, .days thead tr")) {
    const words = seen.filter(({ element }) => bar.contains(element)).sort((one, other) => one.left - other.left);
    words.forEach((word, index) => {
      const isBeside = (each) => Math.min(word.bottom, each.bottom) - Math.max(word.top, each.top) > 4;
      const before = words.slice(0, index).findLast(isBeside);
      if (before && word.left - before.right < 3) found.push(`run together: “${before.text}” “${word.text}”`);
    });
  }
  // In a list the same value begins, or ends, at one place in all rows.
  const VALUES = "td[data-label] > div, .findings dt > strong, .setting-line .button";
  for (const list of everywhere("tbody, dl")) {
    const places = new Map();
    for (const value of list.querySelectorAll(VALUES)) {
      const range = document.createRange();
      range.selectNodeContents(value);
      const { left, right, width } = range.getBoundingClientRect();
      if (!width || !value.checkVisibility()) continue;
      const name = value.parentElement.dataset.label ?? nameOf(value);
      places.set(name, [...(places.get(name) ?? []), { left, right }]);
    }
    for (const [name, all] of places) {
      const spread = (side) => Math.max(...all.map((each) => each[side])) - Math.min(...all.map((each) => each[side]));
      if (Math.min(spread("left"), spread("right")) > SLACK) found.push(`out of line: “${name}”`);
    }
  }
  return [...new Set(found)];
}
