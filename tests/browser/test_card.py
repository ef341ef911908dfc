"""The approval card under the official host bridge in Chromium, on real PostgreSQL."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from council.model.ticket import Ticket
from council.trade_facts import TradeApproved, TradeRejected
from council.trading.approvals import Decider
from mcp_server import operations
from tests.browser.council import Scene, Stage
from tests.browser.scene import IMAGE, ORDER, SCRIPT, strict

pytestmark = pytest.mark.slow

ANOTHER_FRAME = """(html) => {
  const other = document.createElement("iframe");
  other.srcdoc = html;
  document.body.append(other);
}"""
ANNA = Decider("anna", "cli", "local_user")


def ticket_of(scene: Scene, account: str) -> Ticket:
    return next(ticket for ticket in scene.tickets if ticket.account == account)


async def press(scene: Scene, account: str, *names: str) -> None:
    for name in names:
        await scene.host.trade(account).get_by_role("button", name=name).click()


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_two_clicks_approve_the_ticket_that_was_shown(stage: Stage, era: str) -> None:
    async with stage.scene(era=era) as scene:
        seen = await scene.host.open()
        await expect(scene.host.card.locator("article")).to_have_count(6)
        await press(scene, "COUNCIL", "Approve…")
        before = await scene.decisions()
        await press(scene, "COUNCIL", "Confirm: APPROVE COUNCIL SHORT 860 TLT")
        state = scene.host.trade("COUNCIL").locator(".state")
        await expect(state).to_contain_text("Approved by you in this card")
        stored = await scene.decisions()
        contexts = await scene.host.heard("contexts")

    (approved,) = stored
    assert isinstance(approved, TradeApproved)
    assert before == []
    assert approved.digest == ticket_of(scene, "COUNCIL").digest
    assert (approved.channel, approved.trust) == ("app_card", "client_relayed")
    assert "approved COUNCIL SHORT 860 TLT" in contexts[0]["content"][0]["text"]
    assert seen["mimeType"] == "text/html;profile=mcp-app"
    assert scene.browser.errors == []


async def test_a_rejection_needs_its_reason_and_records_it(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        await press(scene, "GEMINI", "Reject", "Reject this trade")
        trade = scene.host.trade("GEMINI")
        await expect(trade.get_by_text("A rejection needs its reason")).to_be_visible()
        await expect(trade.get_by_role("textbox")).to_be_focused()
        without = await scene.decisions()
        await trade.get_by_label("Why not?").fill("Too late in the move.")
        await press(scene, "GEMINI", "Reject this trade")
        await expect(trade.locator(".state")).to_contain_text("Rejected by you in this card")
        stored = await scene.decisions()
        contexts = await scene.host.heard("contexts")

    (rejected,) = stored
    assert isinstance(rejected, TradeRejected)
    assert without == []
    assert (rejected.reason, rejected.channel) == ("Too late in the move.", "app_card")
    assert "because: Too late in the move." in contexts[0]["content"][0]["text"]


async def test_a_double_click_and_a_cancel_decide_nothing(stage: Stage) -> None:
    async with stage.scene() as scene:
        clock, trade = scene.browser.page.clock, scene.host.trade("COUNCIL")
        await clock.install()
        await scene.host.open()
        await clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
        await press(scene, "COUNCIL", "Approve…")
        confirm = trade.get_by_role("button", name="Confirm")
        await confirm.dispatch_event("click")
        await clock.run_for(500)
        await expect(confirm).to_be_enabled()
        await press(scene, "COUNCIL", "Cancel")
        await expect(trade.get_by_role("button", name="Approve…")).to_be_focused()
        calls = await scene.host.heard("calls")
        stored = await scene.decisions()

    assert (calls, stored) == ([], [])


async def test_the_second_question_goes_away_by_itself(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.browser.page.clock.install()
        await scene.host.open()
        await press(scene, "COUNCIL", "Approve…")
        await scene.browser.page.clock.run_for(11_000)
        back = scene.host.trade("COUNCIL").get_by_role("button", name="Approve…")
        await expect(back).to_be_visible()
        stored = await scene.decisions()

    assert stored == []


async def test_the_card_works_by_keyboard_alone(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        trade = scene.host.trade("DEEPSEEK")
        await trade.get_by_role("button", name="Approve…").press("Enter")
        confirm = trade.get_by_role("button", name="Confirm")
        await expect(confirm).to_be_focused()
        await expect(confirm).to_be_enabled()
        await confirm.press("Space")
        await expect(scene.host.card.get_by_role("status")).to_have_text("Approved.")
        await expect(trade.locator(".state")).to_be_focused()
        stored = await scene.decisions()

    assert [type(fact).__name__ for fact in stored] == ["TradeApproved"]


async def test_a_key_that_is_held_down_confirms_nothing(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        trade = scene.host.trade("COUNCIL")
        await trade.get_by_role("button", name="Approve…").focus()
        await scene.browser.page.keyboard.down("Enter")
        confirm = trade.get_by_role("button", name="Confirm")
        await expect(confirm).to_be_focused()
        await expect(confirm).to_be_enabled()
        await scene.browser.page.keyboard.down("Enter")
        await expect(confirm).to_be_visible()
        calls = await scene.host.heard("calls")

    assert calls == []


async def test_only_the_host_is_listened_to(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        forged = {"jsonrpc": "2.0", "method": "ui/notifications/tool-cancelled", "params": {}}
        script = f"parent.frames[0].postMessage({json.dumps(forged)}, '*'); parent.done = true"
        page = scene.browser.page
        await page.evaluate(ANOTHER_FRAME, f"<script>{script}</script>")
        await page.wait_for_function("() => window.done")
        alerts = await scene.host.card.get_by_role("alert").count()
        await page.evaluate("(said) => frames[0].postMessage(said, '*')", forged)
        await expect(scene.host.card.get_by_role("alert")).to_contain_text("it was cancelled")

    assert alerts == 0


async def test_what_models_wrote_stays_text_and_nothing_is_asked_for(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        card = scene.host.card
        await card.locator("details").evaluate_all("(all) => all.forEach((d) => (d.open = true))")
        shown = await card.locator("#cards").inner_text()
        markup = await card.locator("#cards :is(script, img, iframe, link, a, form)").count()
        stolen = await card.locator("body").evaluate("() => window.stolen")

    assert all(text in shown for text in (SCRIPT, IMAGE, ORDER))
    assert (markup, stolen) == (0, None)
    assert scene.browser.requests == []
    assert scene.browser.errors == []


async def test_the_browser_itself_refuses_what_the_card_never_does(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        body = scene.host.card.locator("body")
        fetched = await body.evaluate("() => fetch('http://127.0.0.1:9/').catch((e) => e.name)")
        with pytest.raises(Exception, match="TrustedHTML"):
            await body.evaluate("(body) => { body.innerHTML = '<b>x</b>'; }")

    assert fetched == "TypeError"
    assert scene.browser.requests == []


async def test_an_old_nonce_is_refused_and_the_card_offers_to_load_again(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        council = ticket_of(scene, "COUNCIL")
        await operations.approve(scene.app, str(council.trade_id), ANNA)
        await operations.revoke(scene.app, str(council.trade_id), ANNA, reason="Again, please.")
        await press(scene, "COUNCIL", "Approve…", "Confirm")
        refusal = scene.host.trade("COUNCIL").locator(".actions .notice")
        await expect(refusal).to_contain_text("load the list again")
        stale = await scene.decisions()
        await press(scene, "COUNCIL", "Reload")
        await expect(scene.host.card.get_by_role("heading", level=1)).to_be_focused()
        await press(scene, "COUNCIL", "Approve…", "Confirm")
        await expect(scene.host.trade("COUNCIL").locator(".state")).to_contain_text("Approved by")
        stored = await scene.decisions()

    assert [(fact.channel, fact.round) for fact in stale if isinstance(fact, TradeApproved)] == [
        ("cli", 1)
    ]
    newest = stored[-1]
    assert isinstance(newest, TradeApproved)
    assert (newest.channel, newest.round) == ("app_card", 2)


async def test_a_trade_that_was_approved_elsewhere_is_shown_as_such(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        await operations.approve(scene.app, str(ticket_of(scene, "GROQ").trade_id), ANNA)
        await press(scene, "GROQ", "Approve…", "Confirm")
        state = scene.host.trade("GROQ").locator(".state")
        await expect(state).to_contain_text(re.compile("already approved by anna", re.I))
        buttons = await scene.host.trade("GROQ").get_by_role("button").count()
        stored = await scene.decisions()

    assert (len(stored), buttons) == (1, 0)


async def test_a_decided_trade_stays_in_the_list_when_it_is_loaded_again(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        await press(scene, "GEMINI", "Approve…", "Confirm")
        await expect(scene.host.trade("GEMINI").locator(".state")).to_contain_text("Approved")
        await operations.approve(scene.app, str(ticket_of(scene, "GROQ").trade_id), ANNA)
        await operations.revoke(
            scene.app, str(ticket_of(scene, "GROQ").trade_id), ANNA, reason="Again."
        )
        await press(scene, "GROQ", "Approve…", "Confirm", "Reload")
        articles = scene.host.card.locator("article")
        await expect(articles.last).to_contain_text("GEMINI")
        count = await articles.count()
        title = await scene.host.card.locator("#title").inner_text()

    assert (count, title) == (6, "5 trades wait for you")


async def test_strict_mode_shows_the_address_and_no_button(stage: Stage) -> None:
    async with stage.scene(change=strict) as scene:
        await scene.host.open()
        council = ticket_of(scene, "COUNCIL")
        buttons = await scene.host.card.get_by_role("button").count()
        foot = await scene.host.trade("COUNCIL").locator(".actions").inner_text()
        links = await scene.host.card.locator("a").count()

    assert (buttons, links) == (0, 0)
    assert f"http://127.0.0.1:8931/approvals/{council.trade_id}" in foot


async def test_a_host_that_keeps_the_cards_to_itself_shows_the_tickets_and_the_page(
    stage: Stage,
) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        listed = await scene.host.client.call_tool("list_pending_trades", {})
        bare = {"structuredContent": listed.structured_content, "content": []}
        await scene.browser.page.evaluate("(bare) => host.result(bare)", bare)
        trade = scene.host.trade("COUNCIL")
        await expect(trade.locator("details")).to_have_count(1)
        buttons = await scene.host.card.get_by_role("button").count()
        shown = await trade.inner_text()

    assert buttons == 0
    assert "SHORT 860 TLT" in shown
    assert "$74,863.00" in shown
    assert "/approvals/" in shown
    assert scene.browser.errors == []


async def test_a_lost_answer_is_called_unknown_and_not_refused(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open()
        await scene.browser.page.evaluate("() => host.breakDown()")
        await press(scene, "COUNCIL", "Approve…", "Confirm")
        told = scene.host.trade("COUNCIL").locator(".actions")
        await expect(told).to_contain_text("Nobody knows whether this was recorded")
        await expect(told.get_by_role("button", name="Reload")).to_be_focused()
        contexts = await scene.host.heard("contexts")

    assert contexts == []


async def test_an_empty_list_and_a_failed_one_say_so(stage: Stage) -> None:
    async with stage.scene() as scene:
        await scene.host.open(week_id="2026-11-11")
        empty = await scene.host.card.locator("body").inner_text()
        refusal = {"isError": True, "content": [{"type": "text", "text": "NOT listed."}]}
        await scene.browser.page.evaluate("(refusal) => host.result(refusal)", refusal)
        failed = scene.host.card.get_by_role("alert")
        await expect(failed).to_contain_text("NOT listed.")
        await failed.get_by_role("button", name="Reload").click()
        await expect(failed).to_have_count(0)

    assert "No trade waits for you" in empty
    assert "next proposals appear here" in empty


async def test_the_card_follows_the_hosts_theme_and_size_and_leaves_when_asked(
    stage: Stage,
) -> None:
    async with stage.scene(width=320) as scene:
        await scene.host.open(theme="dark")
        page, body = scene.browser.page, scene.host.card.locator("body")
        ground = "(body) => getComputedStyle(body).backgroundColor"
        dark = await body.evaluate(ground)
        await page.evaluate("() => host.dress({ theme: 'light' })")
        await expect(scene.host.card.locator("html")).to_have_attribute("data-theme", "light")
        light = await body.evaluate(ground)
        overflow = await body.evaluate("(body) => body.scrollWidth - innerWidth")
        sizes = await scene.host.heard("sizes")
        answers = await page.evaluate("async () => [await host.close()]")

    assert (dark, light) == ("rgb(22, 24, 29)", "rgb(246, 247, 249)")
    assert overflow <= 0
    assert sizes[-1]["height"] > 1_000
    assert answers == [{}]
