"""The whole week by page: a person looks, decides in two steps, and sees what came of it."""

import asyncio
import getpass
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from config.settings import Settings
from council.fact import Fact
from council.trade_facts import ApprovalRevoked, TradeApproved, TradeCompleted, TradeRejected
from mcp_server.readings import list_trades
from mcp_server.shapes import TradeShape
from mcp_server.wiring import opened_store
from tests.browser.council import decisions_in
from tests.browser.inspector import council_served
from tests.browser.visits import Visit, visited, visitors
from tests.council.trading.scenes import facts_of
from tests.mcp_server.conftest import OpenApp, settings_for
from tests.mcp_server.signing_in import with_passphrase

pytestmark = pytest.mark.slow

WHY = "Too late in the move."


async def open_ticket(visit: Visit, account: str) -> None:
    """Open the account's ticket from the list of trades that wait."""
    await visit.page.goto("/approvals")
    await visit.page.get_by_role("link", name=re.compile(f"^{account}\\b")).click()
    await expect(visit.page.locator("#ticket h1")).to_be_visible()


async def take_both_steps(page: Page, verb: str) -> None:
    """Press the ticket's button, look at the ticket once more, and press the last one."""
    await page.get_by_role("link", name=f"{verb}…").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"{verb} this trade?")
    if verb == "Reject":
        await page.get_by_label("Why?").fill(WHY)
    await page.get_by_role("main").get_by_role("button", name=verb).click()


def environment_of(settings: Settings) -> dict[str, str]:
    home, dsn = str(settings.council_home), str(settings.database_dsn)
    always = {"COUNCIL_EXCHANGE_HOURS": "always"}
    return {"HOME": home, "COUNCIL_HOME": home, "DATABASE_URL": dsn, **always}


async def look_around(visit: Visit, trades: tuple[TradeShape, ...]) -> None:
    """Open every section of the pages as a person does, by its link, and find the week there."""
    page, week_id = visit.page, trades[0].week_id
    sections, main = page.get_by_role("navigation", name="Pages"), page.locator("main")
    await sections.get_by_role("link", name="Weeks").click()
    await main.get_by_role("link", name=re.compile(week_id[:4])).first.click()
    await expect(main.locator("#pitch-1")).to_contain_text("rehearsal/")
    await expect(main.locator("#trades")).to_contain_text(WHY)
    await sections.get_by_role("link", name="Leaderboard").click()
    await expect(main).to_contain_text(trades[0].account)
    await sections.get_by_role("link", name="Costs").click()
    await expect(main).to_contain_text("calls to models")
    await sections.get_by_role("link", name="Events").click()
    await expect(main.locator(".log")).to_contain_text("TradeCompleted")
    await sections.get_by_role("link", name="Status").click()
    await expect(main.locator("#accounts")).to_contain_text(trades[0].instrument)


async def test_a_whole_week_is_decided_on_the_page_and_sent_by_the_executor(
    week_dsn: str, chromium_path: Path, tmp_path: Path
) -> None:
    settings = settings_for(week_dsn, with_passphrase(tmp_path))
    async with (
        council_served(environment_of(settings)) as served_at,
        visitors(chromium_path, served_at.removesuffix("/mcp")) as people,
        opened_store(settings) as app,
    ):
        trades = await list_trades(app, status="pending")
        approved, rejected = [own for own in trades if own.legs][:2]
        visit = await people.signed_in()
        page = visit.page
        await expect(page).to_have_title(re.compile(r"^\(6\) "))
        await expect(page.locator(".trades tbody tr")).to_have_count(6)

        await open_ticket(visit, approved.account)
        await take_both_steps(page, "Approve")
        await expect(page.locator("#decided")).to_contain_text("on the web page")
        await expect(page.locator("#ticket > .status")).to_have_text(f"{approved.account}: open")
        await open_ticket(visit, rejected.account)
        await take_both_steps(page, "Reject")
        await expect(page.locator("#decided")).to_contain_text(WHY)
        await look_around(visit, (approved, rejected))
        stored = await decisions_in(app)
        ended = (await facts_of(app.deps, f"trade-{approved.trade_id}"))[-1]

    yes, no = stored
    assert isinstance(yes, TradeApproved)
    assert (str(yes.trade_id), yes.digest) == (approved.trade_id, approved.digest)
    assert (yes.approver, yes.channel, yes.trust) == (getpass.getuser(), "web", "local_user")
    assert isinstance(no, TradeRejected)
    assert (str(no.trade_id), no.reason, no.channel) == (rejected.trade_id, WHY, "web")
    assert isinstance(ended, TradeCompleted)
    assert visit.faults == []


async def test_of_two_browsers_that_race_one_decides_and_the_other_reads_why_not(
    open_week: OpenApp, chromium_path: Path, tmp_path: Path
) -> None:
    async with visited(open_week, chromium_path, tmp_path) as (app, people):
        trade = (await list_trades(app, status="pending"))[0]
        pages = [(await people.signed_in()).page for _ in range(2)]
        for page, verb in zip(pages, ("approve", "reject"), strict=True):
            await page.goto(f"/approvals/{trade.trade_id}/{verb}")
        await pages[1].get_by_label("Why?").fill(WHY)
        buttons = [page.get_by_role("main").get_by_role("button") for page in pages]
        await asyncio.gather(*(button.click() for button in buttons))
        for page in pages:
            await expect(page.locator("#decided, .stop")).to_be_visible()
        won = [page for page in pages if await page.locator("#decided").count()]
        (lost,) = [page for page in pages if page not in won]
        told = await lost.get_by_role("alert").inner_text()
        stored = await decisions_in(app)

    assert len(stored) == len(won) == 1
    verb = "approved" if isinstance(stored[0], TradeApproved) else "rejected"
    assert f"was already {verb} by {getpass.getuser()}" in told
    assert told.count(". ") <= 1


async def test_without_scripts_the_same_is_decided_by_links_and_forms(
    open_week: OpenApp, chromium_path: Path, tmp_path: Path
) -> None:
    async with visited(open_week, chromium_path, tmp_path) as (app, people):
        trades = await list_trades(app, status="pending")
        visit = await people.signed_in(java_script_enabled=False)
        page = visit.page
        refresh = page.locator("noscript meta[http-equiv=refresh]")
        comes_again = await refresh.get_attribute("content")
        await open_ticket(visit, trades[0].account)
        await expect(page).to_have_url(re.compile(trades[0].trade_id))
        await take_both_steps(page, "Approve")
        await expect(page.locator("#decided")).to_contain_text("on the web page")
        await page.get_by_role("link", name="Take the approval back…").click()
        keeps_still = await refresh.count()
        await page.get_by_label("Why?").fill(WHY)
        await page.get_by_role("main").get_by_role("button").click()
        await expect(page.get_by_role("link", name="Approve…")).to_be_visible()
        await open_ticket(visit, trades[1].account)
        await take_both_steps(page, "Reject")
        await expect(page.locator("#decided")).to_contain_text(WHY)
        stored = await facts_of(app.deps, f"trade-{trades[0].trade_id}")
        decided = [*stored, *await facts_of(app.deps, f"trade-{trades[1].trade_id}")]

    kinds: list[type[Fact]] = [TradeApproved, ApprovalRevoked, TradeRejected]
    assert [type(fact) for fact in decided if type(fact) in kinds] == kinds
    assert (comes_again, keeps_still) == ("30", 0)
    assert visit.faults == []
