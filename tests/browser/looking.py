"""What an eye would object to on a page, found by measuring it in the browser."""

from typing import Any, Final

from playwright.async_api import Page

WORDS_APART: Final = """() => {
  const words = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    // What is told to screen readers alone, and names that lean, whose boxes overlap by nature.
    if (!node.data.trim() || parent.closest('style, title, desc, thead, [transform]')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const half = box.height / 4;
      words.push({ node, left: box.left, right: box.right, top: box.top + half,
        bottom: box.bottom - half });
    }
  }
  words.sort((a, b) => a.top - b.top);
  const found = [];
  for (let i = 0; i < words.length; i += 1) {
    for (let j = i + 1; j < words.length && words[j].top < words[i].bottom; j += 1) {
      const [a, b] = [words[i], words[j]];
      if (a.node !== b.node && a.left < b.right - 1 && b.left < a.right - 1) {
        found.push(`${a.node.data.trim()} / ${b.node.data.trim()}`);
      }
    }
  }
  return found;
}"""
"""Pairs of texts that lie on each other; a quarter of each line's height is only its leading."""

OUT_OF_THE_PAGE: Final = """() => {
  const wide = document.documentElement.clientWidth;
  const found = document.documentElement.scrollWidth > wide ? ['the page scrolls sideways'] : [];
  for (const element of document.body.querySelectorAll('*')) {
    if (element.closest('thead')) continue;
    const box = element.getBoundingClientRect();
    if (box.width && (box.left < -0.5 || box.right > wide + 0.5)) {
      found.push(`${element.tagName} ${element.textContent.slice(0, 40)}`);
    }
    const clipped = element.scrollWidth > element.clientWidth + 1;
    if (clipped && element.clientWidth && getComputedStyle(element).overflowX !== 'visible') {
      found.push(`cut: ${element.tagName} ${element.textContent.slice(0, 40)}`);
    }
  }
  return found;
}"""

TOO_PALE: Final = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (c) => (c / 255 <= 0.04045 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (element) => {
    const chart = element.closest('svg');
    if (chart) return channels(getComputedStyle(chart.querySelector('rect')).fill);
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('style, title, desc')) continue;
    const style = getComputedStyle(element);
    const ink = channels(element.closest('svg') ? style.fill : style.color);
    const lights = [light(ink), light(ground(element))].sort((a, b) => b - a);
    const contrast = (lights[0] + 0.05) / (lights[1] + 0.05);
    if (contrast < 4.5) found[walker.currentNode.data.trim().slice(0, 40)] = contrast;
  }
  return found;
}"""
"""Words whose contrast with what lies behind them is below 4.5 to 1, with that contrast."""


async def objections(page: Page) -> dict[str, Any]:
    """Return what is wrong with how the page looks, by kind; empty where nothing is."""
    found = {
        "overlap": await page.evaluate(WORDS_APART),
        "overflow": await page.evaluate(OUT_OF_THE_PAGE),
        "contrast": await page.evaluate(TOO_PALE),
    }
    return {kind: what for kind, what in found.items() if what}
