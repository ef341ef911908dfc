"""The Inspector's web page as a host: its card and its form change the database."""

import json
import re

import pytest
from playwright.async_api import FrameLocator, Page, expect

from council.trade_facts import TradeApproved, TradeRejected
from tests.browser.council import decisions_in
from tests.browser.hosting import LISTING
from tests.browser.inspector import Hall

pytestmark = [
    pytest.mark.slow,
    pytest.mark.shows_secret("the Inspector shows its own token, which opens nothing of ours"),
]


def card_of(page: Page) -> FrameLocator:
    """Return the card: the Inspector puts it into a frame of its sandbox's frame."""
    return page.frame_locator("iframe").frame_locator("iframe")


async def test_the_inspectors_card_approves_and_rejects(hall: Hall) -> None:
    page = await hall.enter(app=LISTING)
    await page.locator("[data-testid=apps-form][data-app-status=ready]").wait_for()
    trade = card_of(page).locator("article").last
    await trade.get_by_role("button", name="Approve").click()
    await trade.get_by_role("button", name="Confirm").click()
    await expect(trade.locator(".state")).to_contain_text("Approved by you in this card")
    other = card_of(page).locator("article").first
    await other.get_by_role("button", name="Reject").click()
    await other.get_by_role("textbox").fill("Too late in the move.")
    await other.get_by_role("button", name="Reject this trade").click()
    await expect(other.locator(".state")).to_contain_text("Rejected by you in this card")

    approved, rejected = await decisions_in(hall.app)
    assert isinstance(approved, TradeApproved)
    assert isinstance(rejected, TradeRejected)
    assert (rejected.account, rejected.reason) == ("CHATGPT", "Too late in the move.")
    assert (approved.account, approved.channel) == ("COUNCIL", "app_card")
    assert approved.digest == hall.tickets[-1].digest


async def test_the_inspectors_form_approves_what_is_chosen_in_it(hall: Hall) -> None:
    page = await hall.enter()
    asked = json.dumps([str(ticket.trade_id) for ticket in hall.tickets[:2]])
    await page.get_by_text("Tools", exact=True).first.click()
    await page.get_by_text("approve_trade", exact=True).click()
    await page.get_by_role("textbox", name=re.compile("^trade_ids")).focus()
    await page.keyboard.insert_text(asked)
    await page.get_by_role("button", name="Execute Tool").click()
    form = page.get_by_role("dialog")
    await form.get_by_role("textbox", name="CHATGPT SHORT 860 TLT").click()
    await page.get_by_role("option", name="approve").click()
    await form.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("1 approved, 1 pending").first).to_be_visible()

    (approved,) = await decisions_in(hall.app)
    assert isinstance(approved, TradeApproved)
    assert (approved.account, approved.channel) == ("CHATGPT", "elicitation")
