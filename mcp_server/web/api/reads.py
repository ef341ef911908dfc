"""What the API reads: each list a page at a time, whatever has been stored."""

from collections.abc import Mapping
from typing import Any

from council.errors import UnknownWeek
from council.pipeline import STAGES
from council.untrusted import clean_text
from mcp_server import operations
from mcp_server.costs import read_costs
from mcp_server.exposure_shapes import TradeWithExposure
from mcp_server.exposures import waiting_exposure
from mcp_server.readings import TRADE_STATUSES, one_trade
from mcp_server.shapes import Shape
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.trade_pages import read_trade_page
from mcp_server.views import Row, event_shape
from mcp_server.web.api.calls import Call
from mcp_server.web.api.cursors import cursor_of, place_in
from mcp_server.web.api.shapes import (
    ChoiceShape,
    EventsPageShape,
    TradesPageShape,
    WeekLineShape,
    WeeksPageShape,
)
from store.events import EventFilter, Page


async def pending_trades(call: Call) -> Shape:
    """Return the trades that wait."""
    return await _trades(call, {"status": "pending"})


async def trades(call: Call) -> Shape:
    """Return the trades of a status, week and account."""
    asked = call.query
    week = None if asked.week is None else operations.checked_week(asked.week)
    where = {"status": asked.status, "week_id": week, "account_id": asked.account}
    return await _trades(call, {column: value for column, value in where.items() if value})


async def _trades(call: Call, where: dict[str, Any]) -> TradesPageShape:
    app, of = call.app, f"trades {sorted(where.items())}"
    after = place_in(call.query.cursor, of)
    page = await read_trade_page(app, where, limit=call.query.limit, after=after)
    stops = stop_sentences(await read_stops(app))
    return TradesPageShape(
        degraded=(*stops, *app.standing.degraded),
        trades=page.trades,
        next=cursor_of(page.last, of),
    )


async def trade(call: Call) -> Shape:
    """Return one trade, and while it waits what all accounts would hold with it."""
    found = await one_trade(call.app.deps.store, call.path["trade_id"])
    return TradeWithExposure(**dict(found), exposure=await waiting_exposure(call.app, (found,)))


async def weeks(call: Call) -> Shape:
    """Return the weeks that began."""
    store, limit = call.app.deps.store, call.query.limit
    after = None if call.query.cursor is None else (call.query.cursor,)
    page = Page(limit + 1, descending=True, after=after)
    rows = await store.rows("week_metadata", order_by=("week_id",), page=page)
    ids = tuple(row["week_id"] for row in rows[:limit])
    decisions = await store.rows("chairman_decisions", where={"week_id": ids}) if ids else ()
    by_week = {row["week_id"]: row for row in decisions}
    columns = ("week_id", "status")
    counts = await store.count_rows_by("trades", columns, where={"week_id": ids})
    return WeeksPageShape(
        weeks=tuple(_week_line(row, by_week.get(row["week_id"]), counts) for row in rows[:limit]),
        next=ids[-1] if len(rows) > limit else None,
    )


def _week_line(
    row: Row, decision: Row | None, counts: Mapping[tuple[Any, ...], int]
) -> WeekLineShape:
    week_id = row["week_id"]
    has_chosen = decision is not None and decision["instrument"] is not None
    refusal = decision["refusal"] if decision is not None else None
    return WeekLineShape(
        week_id=week_id,
        mode=row["mode"],
        state="finished" if row["last_stage"] == STAGES[-1] else "unfinished",
        last_stage=row["last_stage"],
        started_at=row["started_at"],
        decision=_choice(decision) if decision is not None and has_chosen else None,
        no_decision=None if refusal is None else clean_text(refusal),
        trades={
            status: counts[week_id, status]
            for status in TRADE_STATUSES
            if (week_id, status) in counts
        },
    )


def _choice(decision: Row) -> ChoiceShape:
    return ChoiceShape(
        instrument=decision["instrument"],
        direction=decision["direction"],
        conviction=float(decision["conviction"]),
    )


async def week(call: Call) -> Shape:
    """Return all that is stored of a week.

    Raises:
        UnknownWeek: nothing is.
    """
    week_id = call.path["week_id"]
    if not await call.app.deps.store.rows("week_metadata", where={"week_id": week_id}):
        raise UnknownWeek(f"Nothing is stored of a week {week_id}: GET /api/weeks lists them.")
    return await operations.week(call.app, week_id)


async def leaderboard(call: Call) -> Shape:
    """Return who is ahead by everything that was marked until now."""
    app = call.app
    return await call.kept.read("leaderboard", app, lambda: operations.leaderboard(app))


async def costs(call: Call) -> Shape:
    """Return what calls to models cost, in one week or in all."""
    app = call.app
    if call.query.week is not None:
        return await read_costs(app, operations.checked_week(call.query.week))
    return await call.kept.read("costs", app, lambda: read_costs(app, None))


async def events(call: Call) -> Shape:
    """Return events of the log, by position."""
    asked = call.query
    wanted = EventFilter(
        stream_prefix=asked.stream or "",
        event_types=(asked.type,) if asked.type else (),
        week_id=asked.week,
        account_id=asked.account,
    )
    after = None if asked.cursor is None else (int(asked.cursor),)
    page = Page(asked.limit + 1, descending=asked.order == "newest", after=after)
    found = await call.app.deps.store.read_page(wanted, page)
    shown = found[: asked.limit]
    return EventsPageShape(
        events=tuple(map(event_shape, shown)),
        next=str(shown[-1].position) if len(found) > len(shown) else None,
    )


async def status(call: Call) -> Shape:
    """Ask every venue at once and put its answers beside the week in force."""
    return await operations.status(call.app)
