"""What commands and tools do, once each: every face of the council calls these and decides nothing.

They translate between ids as people write them and the council's own calls, and return shapes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from config.errors import CouncilError
from config.weeks import council_week, current_week, parse_week_id
from council import pipeline
from council.jobs.missed import missed_lately
from council.parallel import meanwhile
from council.ports import Desk
from council.projections import READ_TABLES, ROWLESS, project
from council.trading import approvals
from council.trading.approvals import Decided, Decider
from council.trading.executor import executor_loop, run_until_settled
from mcp_server.alert_readings import unsent_alerts
from mcp_server.alerting import alerting
from mcp_server.duties import sends_orders
from mcp_server.measure_views import drift_line
from mcp_server.readings import (
    list_trades,
    read_drifts,
    read_silences,
    read_week,
)
from mcp_server.readying import ready_for_weeks
from mcp_server.shapes import (
    AccountResultShape,
    AccountShape,
    DatabaseShape,
    DoctorShape,
    ExecutionShape,
    ResultShape,
    StatusShape,
    TradeShape,
    WeekShape,
    WeekStatusShape,
)
from mcp_server.stop_shapes import AccountStopsShape
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.views import holding_shape, week_state
from mcp_server.wiring import App
from store import projector

if TYPE_CHECKING:
    from mcp_server.result_shapes import LeaderboardShape, PostmortemShape

_SETTLING_TIMEOUT = timedelta(seconds=30)
_EXECUTOR_INTERVAL = timedelta(seconds=2)
_LONGEST_LOOK = timedelta(seconds=15)
"""How long one account's figures are waited for: whoever asks for the status waits himself."""

Examine = Callable[[], Awaitable[DoctorShape]]
DatabaseWork = Callable[[App], Awaitable[DatabaseShape]]


class Run(Protocol):
    """A piece of the week: all of it up to a stage, or one stage alone."""

    async def __call__(
        self, app: App, stage: str, *, week_id: str | None, query: str | None
    ) -> WeekShape:
        """Run it and return the week as it stands then."""
        ...


def checked_week(text: str) -> str:
    """Return the id of the week that `text` names; raises UsageError where it is no Wednesday."""
    return parse_week_id(text).isoformat()


def week_in_force(app: App) -> str:
    """Return the week that can be entered now."""
    deps = app.deps
    return current_week(deps.clock.now(), deps.calendar, deps.config.schedule).week_id


async def week(app: App, week_id: str) -> WeekShape:
    """Return what is stored of a week."""
    return await read_week(app, week_id)


async def run_until(app: App, stage: str, *, week_id: str | None, query: str | None) -> WeekShape:
    """Run all that the week (None: the one in force) lacks up to `stage`, and return the week."""
    chosen = checked_week(week_id) if week_id else week_in_force(app)
    await pipeline.run_week(chosen, app.deps, query=query, until=stage)
    return await week(app, chosen)


async def run_step(app: App, stage: str, *, week_id: str | None, query: str | None) -> WeekShape:
    """Run one step of the week (None: the one in force) alone, and return the week."""
    chosen = checked_week(week_id) if week_id else week_in_force(app)
    await pipeline.run_step(chosen, app.deps, step=stage, query=query)
    return await week(app, chosen)


async def approve(
    app: App,
    trade_id: str,
    by: Decider,
    *,
    digest: str | None = None,
    asked_round: int | None = None,
    confirmation: str | None = None,
) -> ResultShape:
    """Approve exactly the ticket with `digest`; see `council.trading.approvals.approve`."""
    decided = await approvals.approve(
        UUID(trade_id),
        app.deps,
        decider=by,
        digest=digest,
        asked_round=asked_round,
        confirmation=confirmation,
    )
    return _result(decided)


async def reject(
    app: App,
    trade_id: str,
    by: Decider,
    *,
    reason: str,
    digest: str | None = None,
    asked_round: int | None = None,
) -> ResultShape:
    """Reject the ticket with `digest`; see `council.trading.approvals.reject`."""
    decided = await approvals.reject(
        UUID(trade_id), reason, app.deps, decider=by, digest=digest, asked_round=asked_round
    )
    return _result(decided)


async def revoke(
    app: App,
    trade_id: str,
    by: Decider,
    *,
    reason: str,
    digest: str | None = None,
    asked_round: int | None = None,
) -> ResultShape:
    """Take the approval of a ticket back; see `council.trading.approvals.revoke`."""
    decided = await approvals.revoke(
        UUID(trade_id), reason, app.deps, decider=by, digest=digest, asked_round=asked_round
    )
    return _result(decided)


def _result(decided: Decided) -> ResultShape:
    return ResultShape(
        trade_id=str(decided.trade_id), status=decided.status, message=decided.message
    )


async def status(app: App) -> StatusShape:
    """Ask every venue at once and put its answers beside the week in force."""
    deps, standing = app.deps, app.standing
    stops = await read_stops(app)
    accounts = await asyncio.gather(*(_account(app, own) for own in stops.accounts))
    week_id = week_in_force(app)
    under_way = ("approved", "executed")
    drifts = await read_drifts(deps.store)
    return StatusShape(
        mode=standing.mode,
        venue=standing.venue,
        degraded=(
            *stop_sentences(stops),
            *await unsent_alerts(app),
            *await missed_lately(deps.clock.now(), deps.store),
            *await read_silences(app),
            *standing.degraded,
        ),
        approval_mode=deps.config.risk.approval.mode,
        halted=stops.halt_file is not None or any(own.halted for own in stops.accounts),
        halt_file=stops.halt_file,
        database=app.database,
        at=deps.clock.now(),
        accounts=tuple(accounts),
        week=await _week_status(app, week_id),
        pending=await deps.store.count_rows("trades", where={"status": "pending"}),
        approved=await deps.store.count_rows("trades", where={"status": under_way}),
        market_opens_at=market_opens_at(app),
        measured=(drift_line(drifts),) if drifts else (),
    )


def market_opens_at(app: App) -> datetime | None:
    """Return when the market opens next; None while it is open, and where no hours bind."""
    deps, now = app.deps, app.deps.clock.now()
    if deps.always_open or deps.calendar.open_session(now) is not None:
        return None
    return deps.calendar.next_to_open(now).open_at


async def _account(app: App, stops: AccountStopsShape) -> AccountShape:
    """Show one account; a venue that refuses it or is away is a problem to show, not an error."""
    nickname = stops.account
    config = next(a for a in app.deps.config.accounts if a.nickname == nickname)
    known = {
        "account": nickname,
        "account_number": config.account_number,
        "venue": app.standing.venue_of(nickname),
        "halted": stops.halted,
        "frozen": stops.frozen,
    }
    nothing = AccountShape(**known, equity_usd=None, position=None, positions=(), problem=None)
    desk = app.deps.desks.get(nickname)
    if desk is None:
        return nothing.model_copy(update={"problem": app.deps.refused_accounts.get(nickname)})
    try:
        async with asyncio.timeout(_LONGEST_LOOK.total_seconds()):
            return await _asked(desk, nothing)
    except CouncilError as error:
        return nothing.model_copy(update={"problem": str(error)})
    except TimeoutError:
        seconds = _LONGEST_LOOK.total_seconds()
        problem = f"The venue did not answer within {seconds:.0f} s: look again in a while."
        return nothing.model_copy(update={"problem": problem})


async def _asked(desk: Desk, nothing: AccountShape) -> AccountShape:
    account, positions = await desk.venue.account(), await desk.venue.positions()
    held = tuple(holding_shape(position) for position in positions)
    answers = {
        "equity_usd": float(account.equity),
        "position": held[0] if held else None,
        "positions": held,
    }
    return nothing.model_copy(update=answers)


async def _week_status(app: App, week_id: str) -> WeekStatusShape:
    deps = app.deps
    window = council_week(week_id, deps.calendar, deps.config.schedule)
    context = await pipeline.load_stages(week_id, deps)
    return WeekStatusShape(
        week_id=week_id,
        state=week_state(context),
        completed=tuple(stage for stage in pipeline.STAGES if stage in context.completed),
        starts_at=window.starts_at,
        last_entry_at=window.last_entry_at,
        ends_at=window.ends_at,
    )


async def database_ready(app: App) -> DatabaseShape:
    """Report the database that opening the store has just made ready."""
    report = await verify(app)
    message = f"The {app.database} database is ready; {report.events} events are in its log."
    return report.model_copy(update={"ok": True, "message": message})


async def rebuild(app: App) -> DatabaseShape:
    """Fold every event into emptied read tables."""
    events = await projector.rebuild(app.pool, project, READ_TABLES, rowless=ROWLESS)
    message = f"{len(READ_TABLES)} read tables were folded anew from {events} events."
    return DatabaseShape(
        database=app.database, ok=True, events=events, bad_position=None, message=message
    )


async def verify(app: App) -> DatabaseShape:
    """Recompute the chain of hashes over the whole log."""
    report = await projector.verify(app.pool)
    message = f"The log of {report.events} events is intact; its head is {report.head or 'empty'}."
    if not report.is_intact:
        message = f"The log is damaged at position {report.first_bad_position}: {report.reason}."
    return DatabaseShape(
        database=app.database,
        ok=report.is_intact,
        events=report.events,
        bad_position=report.first_bad_position,
        message=message,
    )


async def execute(app: App, accounts: Sequence[str]) -> ExecutionShape:
    """Send what is approved for `accounts` (none given means all) and follow it to its end."""
    chosen = tuple(accounts) or None
    reports = await run_until_settled(app.deps, chosen, timeout=_SETTLING_TIMEOUT)
    asked = {report.account for report in reports}
    trades = await _recent_trades(app)
    return ExecutionShape(
        venue=app.standing.venue,
        results=tuple(
            AccountResultShape(
                account=report.account,
                status=report.outcome,
                message="; ".join(note.rstrip(".") for note in report.notes),
            )
            for report in reports
        ),
        trades=tuple(trade for trade in trades if trade.account in asked),
    )


async def _recent_trades(app: App) -> tuple[TradeShape, ...]:
    """Return other weeks' trades that are still under way, then those of the week in force."""
    week_id = week_in_force(app)
    under_way = await list_trades(app, status=("approved", "executed"))
    others = [trade for trade in under_way if trade.week_id != week_id]
    return (*others, *await list_trades(app, week_id=week_id))


async def execute_for_ever(app: App, turned: Callable[[], None] = lambda: None) -> None:
    """Send what is approved until the caller is cancelled; `turned` hears of each turn."""
    await execute_in_background(app, asyncio.Event(), turned)


async def work_in_background(
    app: App, stop: asyncio.Event, turned: Callable[[], None] = lambda: None
) -> None:
    """Get ready for a week, and send what is approved as `execute_in_background` does."""
    async with meanwhile(ready_for_weeks(app)):
        await execute_in_background(app, stop, turned)
        await stop.wait()


async def execute_in_background(
    app: App, stop: asyncio.Event, turned: Callable[[], None] = lambda: None
) -> None:
    """Send what is approved, looking again and again, and alerts beside it, until `stop` is set.

    With a login that may send no order nothing is done: another process does it with its own.
    """
    if not sends_orders(app.role):
        return
    async with alerting(app):
        await executor_loop(app.deps, stop, _EXECUTOR_INTERVAL, turned=turned)


async def week_of_postmortem(app: App, week_id: str | None) -> str:
    """Return the week asked for; None is the newest with a postmortem, else the newest over."""
    from mcp_server import result_readings  # noqa: PLC0415 - measures are loaded where wanted

    if week_id is not None:
        return checked_week(week_id)
    return await result_readings.week_to_read(app, week_in_force(app))


async def write_postmortem(app: App, week_id: str | None) -> str:
    """Write the postmortem of a week (None: the newest that is over and has none); return which."""
    from council.postmortems import run_postmortem  # noqa: PLC0415 - as above
    from mcp_server import result_readings  # noqa: PLC0415 - as above

    chosen = checked_week(week_id) if week_id else await result_readings.week_to_write(app)
    await run_postmortem(chosen, app.deps)
    return chosen


async def postmortem(app: App, week_id: str) -> "PostmortemShape":
    """Return the postmortem of a week as it is stored, or why there is none yet."""
    from mcp_server import result_readings  # noqa: PLC0415 - as above

    return await result_readings.read_postmortem(app, week_id)


async def leaderboard(app: App) -> "LeaderboardShape":
    """Return who is ahead by everything that was marked until now."""
    from mcp_server import result_readings  # noqa: PLC0415 - as above

    return await result_readings.read_leaderboard(app)
