"""The tools that look up what is stored, on real PostgreSQL and the real simulated exchange."""

from typing import Any

import mcp

from council.trading.approvals import Decider
from mcp_server import operations
from mcp_server.offers import OFFERS
from mcp_server.readings import TRADE_STATUSES, list_trades
from mcp_server.server import build_server
from mcp_server.tokens import token_counter
from mcp_server.tools.record_lines import (
    council_text,
    pitch_record_line,
    review_record_lines,
)
from mcp_server.tools.records import trade_record, week_record
from mcp_server.tools.results import as_text
from mcp_server.wiring import App
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_tools import refused, told

BY = Decider("tester", "cli", "local_user")
MOST_TOKENS = 2_000


async def proposed(app: App) -> str:
    """Run the week up to its trades and return its id."""
    week_id = operations.week_in_force(app)
    await operations.run_until(app, "propose", week_id=week_id, query=None)
    return week_id


async def decided_week(open_app: OpenApp) -> list[str]:
    """Run a week, reject its first trade, fill its second; return the ids of all its trades."""
    async with open_app() as app:
        await proposed(app)
        ids = [trade.trade_id for trade in await list_trades(app)]
        await operations.reject(app, ids[0], BY, reason="Too much of it.")
        await operations.approve(app, ids[1], BY)
        await operations.execute(app, ())
    return ids


async def test_trades_are_listed_by_status_and_week_a_page_at_a_time(open_week: OpenApp) -> None:
    ids = await decided_week(open_week)

    async with mcp.Client(build_server(open_week)) as client:
        first = await told(client, "list_trades", limit=4)
        second = await told(client, "list_trades", limit=4, cursor=first["next_cursor"])
        rejected = await told(client, "list_trades", status="rejected")
        other_week = await told(client, "list_trades", week_id="2026-11-11")
        foreign = await refused(
            client, "list_trades", status="pending", cursor=first["next_cursor"]
        )
        unknown = await refused(client, "list_trades", status="lost")
        too_many = await refused(client, "list_trades", limit=51)

    pages = (*first["trades"], *second["trades"])
    assert [trade["trade_id"] for trade in pages] == ids
    assert (len(first["trades"]), second["next_cursor"]) == (4, None)
    assert [trade["trade_id"] for trade in rejected["trades"]] == ids[:1]
    assert other_week["trades"] == []
    assert "NOT listed: The cursor was not made for this list" in foreign
    assert "list_trades was NOT called" in unknown
    assert "list_trades was NOT called" in too_many


async def test_a_trade_tells_its_ticket_its_arguments_its_orders_and_its_history(
    open_week: OpenApp,
) -> None:
    ids = await decided_week(open_week)

    async with mcp.Client(build_server(open_week)) as client:
        rejected = await told(client, "get_trade", trade_id=ids[0])
        filled = await told(client, "get_trade", trade_id=ids[1][:8])
        council = await told(client, "get_trade", trade_id=ids[5])

    assert rejected["decided"] == "tester rejected it through cli: Too much of it."
    assert steps(rejected)[1] == "tester rejected it through cli: Too much of it."
    assert filled["trade_id"] == ids[1]
    assert (filled["status"], filled["orders"][0]["status"]) == ("open", "filled")
    assert steps(filled)[0].startswith("The user was asked to decide on ticket ")
    assert steps(filled)[-1].startswith("Completed: the position is ")
    assert filled["ticket"]["digest"]
    assert "Thesis: " in filled["untrusted_text"]
    assert "Reviewer 4 (" in filled["untrusted_text"]
    assert "Dissent of P" in council["untrusted_text"]
    assert filled["approval_url"].endswith(f"/approvals/{ids[1]}")


def steps(record: dict[str, Any]) -> list[str]:
    return [line["step"] for line in record["history"]]


async def test_what_a_trade_tells_fits_into_a_page_and_never_shows_the_phrase(
    open_week: OpenApp,
) -> None:
    async with open_week() as app:
        await proposed(app)
        for trade in await list_trades(app):
            text = as_text(await trade_record(app, trade.trade_id))

            assert token_counter()(text) < MOST_TOKENS
            assert trade.confirmation not in text
            assert "Nobody has decided yet." in text


async def test_what_names_no_trade_is_not_found(open_app: OpenApp) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        for trade_id in ("no-such", "", "x" * 41, "../etc", "'; drop table trades"):
            message = await refused(client, "get_trade", trade_id=trade_id)

            assert "NOT found" in message or "NOT called" in message


async def test_a_week_tells_its_packs_pitches_reviews_decision_trades_and_cost(
    open_week: OpenApp,
) -> None:
    await decided_week(open_week)

    async with mcp.Client(build_server(open_week)) as client:
        week = await told(client, "get_week")
        never = await told(client, "get_week", week_id="2026-11-11")
        no_week = await refused(client, "get_week", week_id="2026-11-19")

    authors = {line["author"] for line in week["reviews"]}
    assert [line["pack"] for line in week["packs"]] == ["A", "B"]
    assert authors == {line["account"] for line in week["pitches"]}
    assert all(line["scores"].count(",") == 3 for line in week["reviews"])
    assert week["decision"].startswith("The council goes ")
    assert [line["status"] for line in week["trades"]].count("pending") == 4
    assert (week["state"], never["state"]) == ("finished", "not_started")
    assert "only the week in force can be run" in never["next_step"]
    assert "nearest is 2026-11-18" in no_week


async def test_before_the_chairman_is_done_nothing_tells_who_wrote_or_reviewed_what(
    open_app: OpenApp,
) -> None:
    async with open_app() as app:
        week_id = operations.week_in_force(app)
        await operations.run_until(app, "peer_review", week_id=week_id, query=None)
        blind = (await week_record(app, week_id)).reviews
        await operations.run_until(app, "propose", week_id=week_id, query=None)
        seen = (await week_record(app, week_id)).reviews

    assert len(blind) == 5
    assert {(line.author, line.scores, line.untrusted_text) for line in blind} == {("", "", "")}
    assert all(line.author and line.scores and line.untrusted_text for line in seen)
    assert {(line.label, line.mean_score) for line in blind} == {
        (line.label, line.mean_score) for line in seen
    }


async def test_a_week_stays_short_however_long_its_models_wrote(open_week: OpenApp) -> None:
    async with open_week() as app:
        week = await operations.week(app, await proposed(app))
        record = await week_record(app, week.week_id)
    assert week.decision is not None
    long = "A view of many words. " * 60
    decision = week.decision.model_copy(update={"rationale": long, "dissent": (long,) * 4})
    scores = [one.model_copy(update={"best_argument_against": long}) for one in week.scores]
    pitches = [one.model_copy(update={"thesis": (long, long)}) for one in week.pitches]
    wordy = week.model_copy(update={"decision": decision, "scores": tuple(scores)})

    text = as_text(
        record.model_copy(
            update={
                "reviews": review_record_lines(wordy),
                "pitches": tuple(map(pitch_record_line, pitches)),
                "untrusted_text": council_text(wordy),
            }
        )
    )

    assert token_counter()(text) < MOST_TOKENS


async def test_trades_can_be_listed_by_every_status_that_there_is() -> None:
    offer = next(offer for offer in OFFERS if offer.name == "list_trades")

    listed = offer.tool.parameters["properties"]["status"]["enum"]

    assert tuple(listed) == TRADE_STATUSES
