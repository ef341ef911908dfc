"""`council demo`: one whole week on a virtual clock, in a database of its own that is made anew.

The same stages, executor and exchange as in a real week; only the clock is set forward, and the
approvals are recorded as the demo's own. A second demo at the same time is refused by a lock.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic
from uuid import UUID

from broker.exchange.prices import FilePrices, PriceSource, SyntheticPrices
from config.clock import NEW_YORK, SystemClock, VirtualClock
from config.errors import RefusedError
from config.loader import load_config
from config.market_calendar import xnys
from config.schema import Config
from config.settings import Settings
from config.weeks import CouncilWeek, council_week
from council.checkpoints import run_checkpoint
from council.pipeline import STAGES, run_week
from council.slots import CLOSE
from council.trading.approvals import Decider, approve
from council.trading.executor import run_until_settled
from mcp_server import operations
from mcp_server.demo_shapes import DemoShape, ResultLineShape
from mcp_server.demo_week import chosen_week, symbols_with_bars
from mcp_server.desks import STARTING_CASH_USD
from mcp_server.output import Output
from mcp_server.readings import list_trades, read_checkpoints
from mcp_server.rendering.demo import DemoPrinter
from mcp_server.shapes import TradeShape
from mcp_server.wiring import App, Terms, assembled, opened_database, settled
from store.databases import recreate_database
from store.locks import PostgresLocks

DATABASE = "council_demo"
_DECIDER = Decider("demo", "demo", "demo")
_JUST_AFTER_OPEN = timedelta(minutes=1)
_SETTLING_TIMEOUT = timedelta(minutes=10)
_ROUNDS = 3
"""How often a ticket is approved anew after its price has left the band."""
_CHECKPOINT_SLOT = "12:00"


class DemoBusy(RefusedError):
    """Another demonstration is running; both would share one scratch database."""


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """What was asked for; without a week the one in force, or the last full one of the file."""

    week_id: str | None = None
    bars: Path | None = None
    seed: int = 7


@dataclass(frozen=True, slots=True)
class _Stage:
    """The set: everything that a demonstration needs at once."""

    app: App
    clock: VirtualClock
    week: CouncilWeek
    printer: DemoPrinter


async def play(order: DemoOrder, output: Output) -> None:
    """Play the week and print it as it happens, or as one JSON document at its end.

    Raises:
        DemoBusy: another demonstration is running.
        UsageError: the week is no Wednesday, or the prices do not reach it.
    """
    began = monotonic()
    settings = _rehearsed(settled(output.as_json))
    config = load_config(settings.council_config)
    prices, week_id, notices = _prices(order, config)
    async with _staged(settings, prices, week_id, output=output) as stage:
        stage.printer.opening(stage.app.standing, stage.week, prices.source, notices)
        await _deliberate(stage)
        await _approve_and_execute(stage)
        await _go_through_the_week(stage)
        accounts = await _results(stage)
        await operations.write_postmortem(stage.app, week_id)
        shape = DemoShape(
            week=await operations.week(stage.app, week_id),
            prices=prices.source,
            seed=None if order.bars else order.seed,
            notices=notices,
            checkpoints=await read_checkpoints(stage.app.deps.store, week_id),
            accounts=accounts,
            postmortem=await operations.postmortem(stage.app, week_id),
            marked_at=stage.clock.now(),
            elapsed_seconds=round(monotonic() - began, 2),
        )
        stage.printer.closing(shape)


def _rehearsed(settings: Settings) -> Settings:
    """Return settings without any key: a demonstration calls nobody and orders nothing outside."""
    forgotten = {
        "requesty_api_key": None,
        "alpaca_key_ids": (),
        "alpaca_secret_keys": (),
        "council_alert_urls": None,
        "council_exchange_hours": "xnys",
    }
    return settings.model_copy(update=forgotten)


def _prices(order: DemoOrder, config: Config) -> tuple[PriceSource, str, tuple[str, ...]]:
    """Return the prices, the week to play on them, and what is odd about them.

    An instrument without a bar in every session of the week is left out: its old price would be
    the price of a fill.
    """
    symbols = (*config.universe, config.assets.volatility_proxy)
    every = FilePrices(order.bars, symbols) if order.bars else SyntheticPrices(order.seed, symbols)
    now, schedule = SystemClock().now(), config.schedule
    week_id = chosen_week(order.week_id, every, now=now, schedule=schedule)
    whole = symbols_with_bars(every, week_id, symbols)
    missing = [symbol for symbol in config.universe if symbol not in whole]
    if not missing or order.bars is None:
        return every, week_id, every.notices
    notice = f"No bars for {', '.join(missing)} this week: they cannot be traded."
    return FilePrices(order.bars, whole), week_id, (notice, *every.notices)


@asynccontextmanager
async def _staged(
    settings: Settings, prices: PriceSource, week_id: str, *, output: Output
) -> AsyncIterator[_Stage]:
    """Open everything on a scratch database, with the clock at the week's first minute."""
    config = load_config(settings.council_config)
    week = council_week(week_id, xnys(), config.schedule)
    clock = VirtualClock(week.starts_at)
    async with (
        opened_database(settings) as dsn,
        aclosing(PostgresLocks(dsn)) as locks,
        locks.exclusive("demo") as free,
    ):
        if not free:
            raise DemoBusy("Another `council demo` is running: wait until it has ended.")
        scratch = await recreate_database(dsn, DATABASE)
        terms = Terms(clock=clock, prices=prices, dsn=scratch, halt_file=False)
        async with assembled(settings, terms) as app:
            yield _Stage(app, clock, week, DemoPrinter(output))


async def _deliberate(stage: _Stage) -> None:
    """Run the stages one by one and show what each has brought."""
    for name in STAGES:
        await run_week(stage.week.week_id, stage.app.deps, until=name)
        stage.printer.stage(name, await operations.week(stage.app, stage.week.week_id))


async def _approve_and_execute(stage: _Stage) -> None:
    """Approve what waits and follow it to its fills once the market has opened."""
    opens_at = stage.app.deps.calendar.next_to_open(stage.week.starts_at).open_at
    for attempt in range(_ROUNDS):
        approved = await _approve_all(stage)
        if attempt == 0:
            stage.printer.approvals(approved)
        stage.clock.advance_to(opens_at + _JUST_AFTER_OPEN)
        await _execute(stage)
        if not await _pending(stage):
            break
    stage.printer.fills(await list_trades(stage.app, week_id=stage.week.week_id))


async def _pending(stage: _Stage) -> tuple[TradeShape, ...]:
    return await list_trades(stage.app, status="pending", week_id=stage.week.week_id)


async def _approve_all(stage: _Stage) -> tuple[TradeShape, ...]:
    waiting = await _pending(stage)
    for ticket in waiting:
        await approve(UUID(ticket.trade_id), stage.app.deps, decider=_DECIDER, digest=ticket.digest)
    return waiting


async def _execute(stage: _Stage) -> None:
    accounts = tuple(stage.app.deps.desks)
    await run_until_settled(stage.app.deps, accounts, timeout=_SETTLING_TIMEOUT)


async def _go_through_the_week(stage: _Stage) -> None:
    """Take a checkpoint at noon of every session, approve what it asks, and mark its close."""
    deps, week = stage.app.deps, stage.week
    first, last = (at.astimezone(NEW_YORK).date() for at in (week.starts_at, week.ends_at))
    for session in deps.calendar.between(first, last):
        noon = session.open_at.astimezone(NEW_YORK).replace(hour=12, minute=0)
        stage.clock.advance_to(noon)
        await run_checkpoint(week.week_id, deps, slot=_CHECKPOINT_SLOT)
        if await _approve_all(stage):
            await _execute(stage)
        stage.clock.advance_to(session.close_at)
        await run_checkpoint(week.week_id, deps, slot=CLOSE)
    stage.clock.advance_to(week.ends_at)


async def _results(stage: _Stage) -> tuple[ResultLineShape, ...]:
    status = await operations.status(stage.app)
    start = float(STARTING_CASH_USD)
    return tuple(
        ResultLineShape(
            account=account.account,
            position=account.position,
            equity_usd=account.equity_usd,
            profit_usd=round(account.equity_usd - start, 2),
        )
        for account in status.accounts
        if account.equity_usd is not None
    )
