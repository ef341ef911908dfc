"""The pages without a mouse: keys alone reach and do everything, and it shows where one is."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from council.trade_facts import TradeApproved
from mcp_server.readings import list_trades
from tests.browser.council import decisions_in
from tests.browser.visits import visited
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.signing_in import SECRET

pytestmark = pytest.mark.slow

MOST_STEPS = 60
FOCUSED = """() => {
  const own = document.activeElement;
  if (!own || own === document.body) return null;
  const style = getComputedStyle(own), after = getComputedStyle(own, '::after');
  const box = own.getBoundingClientRect();
  return {
    name: (own.getAttribute('aria-label') || own.innerText || own.id).trim(),
    isMarked: [style, after].some((one) => one.outlineStyle !== 'none'
      && parseFloat(one.outlineWidth) >= 2),
    isInSight: box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
  };
}"""
"""What has the focus: its name, whether the outline shows that, and whether it is in sight."""


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called `name` has the focus; every stop on the way must show."""
    for _ in range(MOST_STEPS):
        await page.keyboard.press("Tab")
        own = await page.evaluate(FOCUSED)
        if own is None:
            continue
        assert own["isMarked"], f"{own['name']!r} has the focus, and nothing shows it"
        assert own["isInSight"], f"{own['name']!r} has the focus out of sight"
        if own["name"].startswith(name):
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


async def press(page: Page, name: str) -> None:
    """Tab to what is called `name` and press Enter there."""
    await tab_to(page, name)
    await page.keyboard.press("Enter")


async def test_keys_alone_sign_in_look_and_decide(
    open_week: OpenApp, chromium_path: Path, tmp_path: Path
) -> None:
    async with visited(open_week, chromium_path, tmp_path) as (app, people):
        trade = (await list_trades(app, status="pending"))[0]
        visit = await people.visit()
        page = visit.page
        await page.goto("/approvals")
        await press(page, "Sign in")
        await expect(page.get_by_label("Passphrase")).to_be_focused()
        await page.keyboard.type(SECRET)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        await press(page, trade.account)
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        row = page.get_by_role("link", name=re.compile(f"^{trade.account}\\b"))
        await expect(row).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_visible()
        await press(page, "Approve…")
        await expect(page).to_have_url(re.compile("/approve$"))
        await press(page, f"Approve {trade.account}")
        await expect(page.locator("#decided")).to_contain_text("on the web page")
        stored = await decisions_in(app)

    assert [type(fact) for fact in stored] == [TradeApproved]
    assert visit.faults == []


async def test_the_first_key_leads_past_the_head_of_the_page(
    open_week: OpenApp, chromium_path: Path, tmp_path: Path
) -> None:
    async with visited(open_week, chromium_path, tmp_path) as (app, people):
        trade = (await list_trades(app, status="pending"))[0]
        page = (await people.visit()).page
        await page.goto("/approvals")
        await press(page, "To the contents")
        await page.keyboard.press("Tab")
        first = await page.evaluate(FOCUSED)

    assert first["name"].startswith(trade.account)


async def test_a_ticket_opens_in_the_very_moment_another_is_closed(
    open_week: OpenApp, chromium_path: Path, tmp_path: Path
) -> None:
    async with visited(open_week, chromium_path, tmp_path) as (_, people):
        page = (await people.signed_in()).page
        await page.locator("a[data-dialog]").first.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.evaluate("""() => {
          document.querySelector('dialog').close();
          document.querySelector('a[data-dialog]').click();
        }""")
        await expect(page.get_by_role("dialog")).to_be_visible()

        assert page.url == f"{people.origin}/approvals"
