"""Open pages in Chromium: they change as the council does, and say so where they cannot."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.browser.live_scene import Theatre
from tests.browser.scene import store_week
from tests.mcp_server.conftest import OpenApp

pytestmark = pytest.mark.slow

A_SECOND = 1_000
HALF_A_MINUTE = 30_000
NOTE_WHEN_RENEWED = """
  window.kept = document.querySelector('#ticket summary');
  document.addEventListener('htmx:after:swap', () => {
    document.documentElement.dataset.renewed = 'yes';
  });
"""
NO_LOCKS = """
  window.asked = 0;
  navigator.locks.request = async () => {
    if (++window.asked < 1000) throw new DOMException('not here', 'SecurityError');
    return new Promise(() => {});
  };
"""
MANY_TABS = 9
"""More than the connections that a browser lends to one site."""


def titled(count: int) -> re.Pattern[str]:
    return re.compile(rf"^\({count}\) ")


@pytest.fixture
def theatre(open_week: OpenApp, chromium_path: Path, tmp_path: Path) -> Theatre:
    return Theatre(open_week, chromium_path, tmp_path)


async def test_an_approval_in_a_shell_changes_the_open_page_within_a_second(
    theatre: Theatre, week_dsn: str
) -> None:
    async with theatre.scene() as scene:
        page = await scene.open()
        chosen = (await scene.pending())[0]
        row = page.locator(f'a[href="/approvals/{chosen.trade_id}"]')
        await expect(row).to_have_count(1)
        await expect(page).to_have_title(titled(6))
        await theatre.in_a_shell(week_dsn, "approve", chosen.trade_id, "--yes")
        await expect(row).to_have_count(0)
        await expect(page).to_have_title(titled(5))
        seen_at = await page.evaluate("titledAt")
        events = scene.app.deps.store.read_all(event_types=["TradeApproved"])
        stored_at = [event.timestamp.timestamp() * A_SECOND async for event in events]
        badge = await page.locator("nav .count").inner_text()

    assert 0 < seen_at - stored_at[0] < A_SECOND
    assert badge == "5"


async def test_new_trades_are_counted_and_announced(
    open_app: OpenApp, chromium_path: Path, tmp_path: Path
) -> None:
    async with Theatre(open_app, chromium_path, tmp_path).scene() as scene:
        page = await scene.open()
        hidden = await page.locator("nav .count").is_hidden()
        await store_week(scene.app)
        await expect(page).to_have_title(titled(6))
        await expect(page.locator("nav .count")).to_have_text("6")
        await expect(page.locator("#waiting a[data-dialog]")).to_have_count(6)
        await expect(page.get_by_role("status").filter(has_text="new trade")).not_to_be_empty()

    assert hidden


async def test_where_the_stream_is_blocked_the_page_looks_every_half_minute(
    theatre: Theatre,
) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=503)

    async with theatre.scene() as scene:
        page, note = scene.page, scene.page.locator("#connection")
        await page.clock.install()
        await page.route("**/live?*", refuse)
        await scene.open()
        await page.clock.run_for(2 * A_SECOND)
        await expect(note).to_contain_text("connection to the council is lost")
        chosen, other, *_ = await scene.pending()
        await scene.reject(chosen)
        await page.clock.run_for(HALF_A_MINUTE)
        await expect(page).to_have_title(titled(5))
        await expect(page.locator("#waiting a[data-dialog]")).to_have_count(5)
        await page.unroute("**/live?*")
        await page.clock.run_for(HALF_A_MINUTE)
        await expect(note).to_be_hidden()
        await scene.reject(other)
        await page.clock.run_for(A_SECOND)
        await expect(page).to_have_title(titled(4))


async def test_many_tabs_hear_one_stream_and_the_next_takes_over_from_a_closed_one(
    theatre: Theatre,
) -> None:
    async with theatre.scene() as scene:
        further = [await scene.page.context.new_page() for _ in range(MANY_TABS - 1)]
        tabs = [await scene.open(page=page) for page in (scene.page, *further)]
        first, second, *_ = await scene.pending()
        await scene.reject(first)
        for tab in tabs:
            await expect(tab).to_have_title(titled(5))
        await tabs.pop().close()
        await scene.reject(second)
        for tab in tabs:
            await expect(tab).to_have_title(titled(4))
            await tab.bring_to_front()
            await expect(tab.locator("#waiting a[data-dialog]")).to_have_count(4)


async def test_a_browser_that_lends_no_locks_hears_all_the_same(theatre: Theatre) -> None:
    async with theatre.scene() as scene:
        await scene.page.add_init_script(NO_LOCKS)
        page = await scene.open()
        first, *_ = await scene.pending()
        await scene.reject(first)

        await expect(page).to_have_title(titled(5))
        assert await page.evaluate("window.asked") < 5


async def test_what_a_person_has_opened_focused_or_begun_to_write_stays(theatre: Theatre) -> None:
    async with theatre.scene() as scene:
        chosen, other, third, *_ = await scene.pending()
        page = await scene.open(f"/approvals/{chosen.trade_id}")
        summary = page.locator("#ticket summary").first
        was_open = await page.locator("#ticket details").first.get_attribute("open") is not None
        await summary.focus()
        await page.keyboard.press("Enter")
        await page.evaluate(NOTE_WHEN_RENEWED)
        await scene.reject(other)
        await expect(page.locator("html[data-renewed]")).to_have_count(1)
        kept = await page.evaluate("kept.isConnected && document.activeElement === kept")
        is_open = await page.locator("#ticket details").first.get_attribute("open") is not None
        await page.evaluate(
            "document.querySelector('#ticket').append(Object.assign("
            "document.createElement('form'), {innerHTML: '<input name=reason>'}))"
        )
        await page.locator("input[name=reason]").fill("The auction was")
        await scene.reject(third)
        await expect(page.locator(".changed")).to_contain_text("since you began to write")
        written = await page.locator("input[name=reason]").input_value()

    assert kept
    assert is_open is not was_open
    assert written == "The auction was"


async def test_the_row_that_has_the_focus_stays_itself_when_others_go(theatre: Theatre) -> None:
    async with theatre.scene() as scene:
        page = await scene.open()
        first, second, *_ = await scene.pending()
        link = page.locator(f'a[href="/approvals/{second.trade_id}"]')
        await link.focus()
        # What a script has changed in a row makes it unlike the row that comes.
        await page.evaluate("document.querySelectorAll('tbody td').forEach((td) => td.append('!'))")
        await scene.reject(first)
        await expect(page.locator("#waiting a[data-dialog]")).to_have_count(5)
        await expect(link).to_be_focused()


async def test_a_ticket_opens_above_the_page_by_keyboard_and_stays_true(theatre: Theatre) -> None:
    async with theatre.scene() as scene:
        page = await scene.open()
        chosen = (await scene.pending())[0]
        link, dialog = (
            page.locator(f'a[href="/approvals/{chosen.trade_id}"]'),
            page.locator("dialog"),
        )
        await link.focus()
        await page.keyboard.press("Enter")
        await expect(dialog.locator("#ticket h1")).to_be_visible()
        named = await dialog.get_attribute("aria-label")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(link).to_be_focused()
        await page.keyboard.press("Enter")
        await scene.reject(chosen)
        await expect(dialog.locator(".status")).to_contain_text("rejected")
        await dialog.get_by_role("button", name="Close").click()
        await expect(dialog).to_have_count(0)

    assert chosen.instrument in (named or "")


async def test_what_is_told_while_a_ticket_is_loading_is_shown_in_it(theatre: Theatre) -> None:
    async with theatre.scene() as scene:
        page = await scene.open()
        chosen = (await scene.pending())[0]
        address = f"**/approvals/{chosen.trade_id}"

        async def late(route: Route) -> None:
            read = await route.fetch()
            await scene.reject(chosen)
            await expect(page).to_have_title(titled(5))
            await route.fulfill(response=read)

        await page.route(address, late, times=1)
        await page.locator(f'a[href="/approvals/{chosen.trade_id}"]').click()

        await expect(page.locator("dialog .status")).to_contain_text("rejected")


async def test_what_expires_counts_down_by_the_clock_of_the_council(theatre: Theatre) -> None:
    async with theatre.scene() as scene:
        page, left = scene.page, scene.page.locator("time[data-countdown] .left").first
        await page.clock.install(time="2031-01-01T00:00:00Z")
        await scene.open()
        await page.clock.run_for(A_SECOND)
        first = await left.inner_text()
        await page.clock.fast_forward(10 * 24 * 3_600 * A_SECOND)
        await page.clock.run_for(A_SECOND)
        await expect(left).to_have_text("(over)")

    assert re.fullmatch(r"\(in \d+ (d|h|min) .*\)", first)
