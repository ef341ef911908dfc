// What an eye, a finger or a screen reader's user would object to on a page as it stands, in words.
() => {
  const LEAST_TEXT = 12;
  const LEAST_DRAWN = 9; // on a phone a drawing is shown whole, and can be zoomed
  const LEAST_TARGET = 24;
  const wide = document.documentElement.clientWidth;
  const styles = new Map();
  const style = (element) => {
    if (!styles.has(element)) styles.set(element, getComputedStyle(element));
    return styles.get(element);
  };
  const named = (element) => `${element.tagName.toLowerCase()}.${element.className.baseVal
    ?? element.className} "${element.textContent.trim().slice(0, 40)}"`;
  // What is told to screen readers alone.
  const isUnseen = (element) => {
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      if (style(at).clipPath === "inset(50%)" || at.matches(".skip:not(:focus)")) return true;
    }
    return false;
  };
  // The part of a box that the boxes around it let through.
  const clipped = (element, box) => {
    let { left, right, top, bottom } = box;
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      if (style(at).overflowX === "visible" || style(at).display === "inline") continue;
      const own = at.getBoundingClientRect();
      [left, right] = [Math.max(left, own.left), Math.min(right, own.right)];
      [top, bottom] = [Math.max(top, own.top), Math.min(bottom, own.bottom)];
    }
    return { left, right, top, bottom };
  };
  const scrolls = (element) => element.closest(".scroll, pre, textarea, dialog");

  const words = [];
  const small = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    const isShown = parent.checkVisibility({ contentVisibilityAuto: true });
    const isRead = node.data.trim() && isShown && !parent.closest("title, desc, option");
    if (!isRead || isUnseen(parent)) continue;
    const drawn = parent.closest("svg");
    const turned = drawn ? parent.getScreenCTM() : { a: 1, b: 0 };
    const size = parseFloat(style(parent).fontSize) * Math.hypot(turned.a, turned.b);
    if (size < (drawn ? LEAST_DRAWN : LEAST_TEXT) - 0.1) small.add(`${named(parent)}: ${size.toFixed(1)} px`);
    if (parent.closest("[transform]")) continue; // names that lean, whose boxes overlap by nature
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const seen = clipped(parent, box), half = (seen.bottom - seen.top) / 4;
      if (seen.right - seen.left < 2 || half < 1) continue;
      words.push({ node, ...seen, top: seen.top + half, bottom: seen.bottom - half });
    }
  }
  words.sort((a, b) => a.top - b.top);
  const overlap = new Set();
  for (let i = 0; i < words.length; i += 1) {
    for (let j = i + 1; j < words.length && words[j].top < words[i].bottom; j += 1) {
      const [a, b] = [words[i], words[j]];
      if (a.node !== b.node && a.left < b.right - 1 && b.left < a.right - 1) {
        overlap.add(`${a.node.data.trim().slice(0, 40)} / ${b.node.data.trim().slice(0, 40)}`);
      }
    }
  }

  const outside = new Set();
  if (document.documentElement.scrollWidth > wide) outside.add("the page scrolls sideways");
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (!box.width || isUnseen(element)) continue;
    const isOut = box.left < -0.5 || box.right > wide + 0.5;
    if (isOut && !scrolls(element)) outside.add(named(element));
    const isWider = element.clientWidth && element.scrollWidth > element.clientWidth + 1;
    const cuts = isWider && style(element).overflowX !== "visible" && !element.matches("input, select");
    if (cuts && !scrolls(element)) outside.add(`cut: ${named(element)}`);
  }

  const target = new Set();
  const pressed = "button, .button, input, select, textarea, summary, [aria-label=Pages] a";
  for (const element of document.querySelectorAll(pressed)) {
    const box = (element.closest("label") ?? element).getBoundingClientRect();
    if (!box.width || isUnseen(element)) continue;
    if (box.height < LEAST_TARGET || box.width < LEAST_TARGET) target.add(named(element));
  }
  const found = { overlap, outside, small, target };
  return Object.fromEntries(
    Object.entries(found).filter(([, what]) => what.size).map(([kind, what]) => [kind, [...what]]),
  );
}
