"""Every page in Chromium, narrow and wide, light and dark: legible, accessible, and silent."""

import json
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.async_api import Page

from config.settings import Settings
from tests.browser.full_house import furnish, house
from tests.browser.visits import Visit, visited
from tests.hosts.tools import NodeTools
from tests.mcp_server.test_page_weeks_untrusted import HIDDEN

pytestmark = pytest.mark.slow

Scheme = Literal["light", "dark"]
VIEWS: Final[tuple[tuple[int, Scheme], ...]] = (
    (1400, "light"),
    (1400, "dark"),
    (360, "light"),
    (360, "dark"),
)
JUDGED: Final = (VIEWS[0], VIEWS[-1])
"""The views that axe judges: one in each colour scheme, one at each width."""
EYE = Path(__file__).with_name("eye.js").read_text("utf-8")
AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(' ')).join(', ')}`);
}"""
OPEN_ALL = "(all) => all.forEach((one) => { one.open = true; })"
SPOILED = """() => {
  const main = document.querySelector('main'), box = document.createElement('div');
  box.id = 'spoiled';
  box.innerHTML = '<p>Some words</p><p>Other words</p><button>x</button><input>';
  main.append(box);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`#spoiled { width: 2000px } #spoiled p { color: #ccc; font-size: 11px }
    #spoiled p + p { margin-top: -22px }
    #spoiled button { min-height: 0; padding: 0; height: 20px }`);
  document.adoptedStyleSheets.push(sheet);
}"""
"""Puts into a page all that its viewers are there to find."""


async def objections(page: Page) -> dict[str, Any]:
    """Return what is wrong with how the page looks, by the view and who objects to it."""
    found: dict[str, Any] = {}
    await page.locator("details").evaluate_all(OPEN_ALL)
    for width, scheme in VIEWS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme=scheme)
        found[f"{width} {scheme}"] = await page.evaluate(EYE)
        if (width, scheme) in JUDGED:
            found[f"{width} {scheme}, axe"] = await page.evaluate(AXE)
    return {view: what for view, what in found.items() if what}


async def looked_at(visit: Visit, addresses: dict[str, str]) -> tuple[dict[str, Any], str]:
    """Return what is wrong, by the page that it is wrong with, and the text of all pages."""
    found: dict[str, Any] = {}
    said = []
    for name, address in addresses.items():
        await visit.page.goto(address)
        found[name] = await objections(visit.page)
        said.append(str(await visit.page.locator("body").text_content()))
    return {name: what for name, what in found.items() if what}, "".join(said)


async def test_every_page_is_legible_accessible_and_silent_whatever_is_in_it(
    settings: Settings, node_tools: NodeTools, chromium_path: Path, tmp_path: Path
) -> None:
    axe = node_tools.folder / "node_modules" / "axe-core" / "axe.min.js"
    opened = await house(settings)
    async with visited(opened, chromium_path, tmp_path) as (app, people):
        own = await furnish(app)
        visit = await people.visit(reduced_motion="reduce")
        # What a page loads itself is refused by its own policy; this stands before every page.
        await visit.page.add_init_script(path=axe)
        await visit.sign_in()
        found, said = await looked_at(visit, own.pages())
        stolen = await visit.page.evaluate("window.stolen")
        unseen = [mark for mark in own.marks if mark not in said]
        faults = list(visit.faults)
        await visit.page.evaluate(SPOILED)
        spoiled = await objections(visit.page)

    assert found == {}, json.dumps(found, indent=1)
    assert faults == []
    assert (stolen, unseen) == (None, [])
    assert not set(HIDDEN) & set(said)
    assert set(spoiled["360 dark"]) == {"overlap", "outside", "small", "target"}
    assert any(one.startswith("color-contrast") for one in spoiled["1400 light, axe"])
