"""What hosts suggest while a person types an id."""

from datetime import UTC, datetime
from typing import Any, Literal

import mcp
import pytest
from mcp_types import Completion, PromptReference, ResourceTemplateReference

from config.errors import UnreachableError
from config.ids import random_id
from council.trading.approvals import Decider
from mcp_server import operations
from mcp_server.readings import list_trades
from mcp_server.server import build_server
from store.events import NewEvent
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_news import proposed_week

BY = Decider("tester", "cli", "local_user")
TRADE = ResourceTemplateReference(type="ref/resource", uri="council://trades/{trade_id}")
RUN = ResourceTemplateReference(type="ref/resource", uri="council://runs/{run_id}")
REVIEW = PromptReference(type="ref/prompt", name="weekly-review")


async def suggested(client: mcp.Client, reference: Any, name: str, typed: str = "") -> Completion:
    return (await client.complete(reference, {"name": name, "value": typed})).completion


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_stored_ids_are_suggested_those_that_wait_first(
    open_week: OpenApp, era: Literal["auto", "legacy"]
) -> None:
    week_id, first = await proposed_week(open_week)
    async with open_week() as app:
        await operations.reject(app, first, BY, reason="Not this week.")
        stored = {trade.trade_id for trade in await list_trades(app)}

    async with mcp.Client(build_server(open_week), mode=era) as client:
        trades = await suggested(client, TRADE, "trade_id")
        begun = await suggested(client, TRADE, "trade_id", first[:6].upper())
        none = await suggested(client, TRADE, "trade_id", "zz")
        weeks = await suggested(client, REVIEW, "week", week_id[:4])
        runs = await suggested(client, RUN, "run_id", "run-")
        unknown = await suggested(client, REVIEW, "colour")

    assert set(trades.values) == stored
    assert trades.values[-1] == first
    assert (trades.total, trades.has_more) == (6, False)
    assert begun.values == [first]
    assert none.values == unknown.values == []
    assert weeks.values == [week_id]
    assert runs.values[:2] == [f"run-{week_id}", f"run-{week_id}-research"]


async def test_at_most_a_hundred_are_suggested_and_the_rest_is_counted(
    open_app: OpenApp,
) -> None:
    async with open_app() as app:
        for number in range(130):
            week_id = f"{1900 + number}-01-01"
            started = NewEvent(
                random_id(), "WeekStarted", WEEK | {"week_id": week_id}, AT, week_id=week_id
            )
            await app.deps.store.append(f"week-{week_id}", [started])

    async with mcp.Client(build_server(open_app)) as client:
        weeks = await suggested(client, REVIEW, "week")

    assert (len(weeks.values), weeks.total, weeks.has_more) == (100, 130, True)
    assert weeks.values[0] == "2029-01-01"


AT = datetime(2026, 11, 18, tzinfo=UTC)
WEEK: dict[str, Any] = {
    "config_hash": "0",
    "mode": "rehearsal",
    "query": None,
    "models": {},
    "degraded": [],
}


async def test_nothing_is_suggested_where_the_database_is_away() -> None:
    def away() -> Any:
        raise UnreachableError("The database does not answer.")

    async with mcp.Client(build_server(away)) as client:
        trades = await suggested(client, TRADE, "trade_id")

    assert trades.values == []
