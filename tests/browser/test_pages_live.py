"""Open pages tell what another process stored: in their lists, their title and their badge."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from council.trading.approvals import Decider
from mcp_server import operations
from tests.browser.scene import SCRIPT, store_week
from tests.browser.visits import visited
from tests.mcp_server.conftest import OpenApp

pytestmark = pytest.mark.slow

ANNA = Decider("anna", "cli", "local_user")
A_SECOND_MILLISECONDS = 1_000


async def test_a_new_weeks_trades_are_told_by_title_badge_and_list(
    open_app: OpenApp, chromium_path: Path, tmp_path: Path
) -> None:
    async with visited(open_app, chromium_path, tmp_path) as (_, people), open_app() as other:
        listed, elsewhere = await people.visit(), await people.visit()
        await listed.page.goto("/approvals")
        await elsewhere.page.goto("/costs")
        for visit in (listed, elsewhere):
            await expect(visit.page).not_to_have_title(re.compile(r"^\("))
            await expect(visit.page.locator("[data-waiting-badge]")).to_be_hidden()
        await store_week(other)
        for visit in (listed, elsewhere):
            await expect(visit.page).to_have_title(re.compile(r"^\(6\) "))
            await expect(visit.page.locator("[data-waiting-badge]")).to_have_text("6")
        await expect(listed.page.locator(".trades tbody tr")).to_have_count(6)
        await expect(listed.page.locator("main")).to_contain_text(SCRIPT)
        stolen = await listed.page.evaluate("window.stolen")

    assert stolen is None
    assert listed.faults == elsewhere.faults == []


async def test_an_approval_in_the_shell_is_on_the_open_page_within_a_second(
    open_app: OpenApp, chromium_path: Path, tmp_path: Path
) -> None:
    async with visited(open_app, chromium_path, tmp_path) as (_, people), open_app() as other:
        ticket = (await store_week(other))[0]
        visit = await people.signed_in()
        page = visit.page
        async with page.expect_response(re.compile("/live")):
            await page.reload()
        await page.get_by_role("link", name=re.compile(f"^{ticket.account}\\b")).click()
        state = page.get_by_role("dialog").locator(".status")
        await expect(state).to_contain_text("pending")
        await operations.approve(other, str(ticket.trade_id), ANNA)
        await expect(state).to_contain_text("approved", timeout=A_SECOND_MILLISECONDS)
        await expect(page.locator(".trades tbody tr")).to_have_count(5)

    assert visit.faults == []
