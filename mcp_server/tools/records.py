"""Tools that look up what is stored, of trades and weeks, and change nothing."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from mcp_types import CallToolResult
from pydantic import Field

from council.pipeline import load_week
from council.trading.lifecycle import load_trade
from mcp_server import operations, readings
from mcp_server.apps.arguments import argument_of, flags_of
from mcp_server.apps.card_shapes import ArgumentShape
from mcp_server.shapes import TradeShape, WeekShape
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.tools.lines import decision_words, trade_line, trade_words
from mcp_server.tools.paging import Cursor, Limit, page
from mcp_server.tools.record_answers import StepLine, TradeRecordAnswer, WeekRecordAnswer
from mcp_server.tools.record_lines import (
    argument_text,
    cost_words,
    council_text,
    decided_words,
    order_line,
    pack_record_line,
    pitch_record_line,
    review_record_lines,
    ticket_line,
    week_trade_line,
)
from mcp_server.tools.results import TradesAnswer, told
from mcp_server.tools.serving import HostContext, WeekId, host_of, saying
from mcp_server.tools.verdicts import approval_address
from mcp_server.trade_history import read_history
from mcp_server.views import zero_size_notice
from mcp_server.wiring import App

MOST_STEPS = 40
"""Of a trade's history, the newest."""

Status = Annotated[
    Literal[
        "pending",
        "approved",
        "rejected",
        "expired",
        "executed",
        "open",
        "closed",
        "failed",
        "updated",
    ]
    | None,
    Field(description="Omit for every status."),
]
AnyWeek = Annotated[str | None, Field(description="The week's Wednesday. Omit for every week.")]
TradeId = Annotated[
    str, Field(max_length=40, description="A trade id, or its first 6 or more characters.")
]


@saying("NOT listed")
async def list_trades(
    ctx: HostContext,
    *,
    status: Status = None,
    week_id: AnyWeek = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Annotated[CallToolResult, TradesAnswer]:
    """List trades of any status, the newest week first, a page at a time."""
    app = await host_of(ctx).app()
    week = operations.checked_week(week_id) if week_id else None
    found = _newest_first(await readings.list_trades(app, status=status, week_id=week))
    shown, following = page(found, cursor, limit, of=f"trades {status} {week}")
    what = f"{status} trades" if status else "trades"
    answer = TradesAnswer(
        summary=f"{len(found)} {what}{f' of week {week}' if week else ''}; {len(shown)} shown.",
        mode=app.standing.mode,
        venue=app.standing.venue,
        degraded=(*stop_sentences(await read_stops(app)), *app.standing.degraded),
        next_step="Call again with next_cursor for the next page."
        if following
        else "get_trade tells all about one of them.",
        trades=tuple(map(trade_line, shown)),
        next_cursor=following,
        approval_url=approval_address(app),
    )
    return told(answer)


def _newest_first(trades: tuple[TradeShape, ...]) -> tuple[TradeShape, ...]:
    """Return the weeks backwards; within a week the order stays that of the accounts."""
    return tuple(sorted(trades, key=lambda trade: trade.week_id, reverse=True))


@saying("NOT found")
async def get_trade(
    ctx: HostContext, trade_id: TradeId
) -> Annotated[CallToolResult, TradeRecordAnswer]:
    """Tell all about one trade: ticket, thesis, reviews, dissent, who decided, orders, history."""
    return told(await trade_record(await host_of(ctx).app(), trade_id))


@saying("NOT found")
async def get_week(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, WeekRecordAnswer]:
    """Tell a week in short: packs, pitches, blind reviews, decision, trades, cost; runs nothing."""
    app = await host_of(ctx).app()
    chosen = operations.checked_week(week_id) if week_id else operations.week_in_force(app)
    return told(await week_record(app, chosen))


@dataclass(frozen=True, slots=True)
class Background:
    """What speaks for and against a trade, what a person should know of it, and who argued."""

    argument: ArgumentShape
    notices: tuple[str, ...]
    mode: str


async def background_of(app: App, trade: TradeShape) -> Background:
    """Return what is stored of a trade besides its ticket and its orders."""
    store = app.deps.store
    context = await load_week(trade.week_id, store)
    proposal = (await load_trade(store, UUID(trade.trade_id))).proposal
    size = zero_size_notice(trade, app.deps.config)
    return Background(
        argument=argument_of(proposal, context),
        notices=(*((size,) if size else ()), *flags_of(trade.account, context)),
        mode=context.started.mode if context.started else app.standing.mode,
    )


async def trade_record(app: App, text: str) -> TradeRecordAnswer:
    """Return everything stored about the trade that `text` names.

    Raises:
        UnknownTrade: it names none or several; the message lists those that wait.
    """
    store = app.deps.store
    trade = await readings.one_trade(store, text)
    background = await background_of(app, trade)
    history = await read_history(store, trade.trade_id, trade.account)
    return TradeRecordAnswer(
        summary=f"{trade.account}: {trade_words(trade)}, {trade.status}. {decided_words(trade)}",
        mode=background.mode,
        venue=trade.venue,
        degraded=(*stop_sentences(await read_stops(app)), *app.standing.degraded),
        next_step=_trade_next_step(trade),
        trade_id=trade.trade_id,
        week_id=trade.week_id,
        status=trade.status,
        decided=decided_words(trade),
        ticket=ticket_line(trade),
        orders=tuple(map(order_line, trade.legs)),
        history=tuple(
            StepLine(at=at.replace(microsecond=0), step=step) for at, step in history[-MOST_STEPS:]
        ),
        notices=background.notices,
        untrusted_text=argument_text(background.argument),
        approval_url=approval_address(app, trade.trade_id),
    )


def _trade_next_step(trade: TradeShape) -> str:
    steps = {
        "pending": "Show the ticket to the user, who alone decides: approve_trade or reject_trade.",
        "approved": "The executor sends the order once the market is open; look again then.",
        "executed": "The order is at the venue; look again for its fill.",
    }
    return steps.get(trade.status, "Nothing is asked of the user. get_status shows positions.")


async def week_record(app: App, week_id: str) -> WeekRecordAnswer:
    """Return what is stored of a week, in short; one that never began says so."""
    week = await operations.week(app, week_id)
    return WeekRecordAnswer(
        summary=_week_summary(week),
        mode=week.mode,
        venue=week.venue,
        degraded=week.degraded or app.standing.degraded,
        next_step=_week_next_step(week, operations.week_in_force(app)),
        week_id=week.week_id,
        state=week.state,
        completed=week.completed,
        decision=decision_words(week.decision),
        cost=cost_words(week),
        measured=" ".join(week.measured),
        packs=tuple(map(pack_record_line, week.research)),
        pitches=tuple(map(pitch_record_line, week.pitches)),
        reviews=review_record_lines(week),
        trades=tuple(map(week_trade_line, week.trades)),
        untrusted_text=council_text(week),
        approval_url=approval_address(app),
    )


def _week_summary(week: WeekShape) -> str:
    pending = sum(trade.status == "pending" for trade in week.trades)
    return (
        f"Week {week.week_id} is {week.state.replace('_', ' ')}: {len(week.research)} packs, "
        f"{len(week.pitches)} pitches, {week.reviews} reviews, {len(week.trades)} trades, "
        f"{pending} of them pending."
    )


def _week_next_step(week: WeekShape, in_force: str) -> str:
    if week.state == "not_started" and week.week_id != in_force:
        return f"Nothing is stored of it, and only the week in force can be run: {in_force}."
    if week.state != "finished":
        return "Call run_weekly for this week if the user wants its run."
    if any(trade.status == "pending" for trade in week.trades):
        return "Call list_pending_trades and show them to the user; do not approve any yourself."
    return "get_trade tells all about one of its trades."
