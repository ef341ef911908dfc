"""How long after an approval its order is accepted, beside two round trips to the venue.

Two are the least: the venue is asked for the order's id, and then it is sent. The exchange runs in
a process of its own and takes its time for each answer; the executor is that of a server at rest.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from broker.exchange.prices import SyntheticPrices
from config.logs import configure_logs
from config.settings import load_settings
from council.ports import Deps
from council.trade_facts import OrderAccepted, TradeApproved
from mcp_server.operations import execute_in_background
from mcp_server.wiring import App, Terms, assembled
from store.databases import ensure_database
from store.events import StoredEvent
from tests.bench.frame import Measurement, Options
from tests.bench.servers import migrated, own_server
from tests.council.trading.scenes import approved
from tests.system.scaling import TRADING_AT, environment_of, exchange_process
from tests.system.slow_exchange import ShiftedClock

LATENCY_MS = 150.0
ACCOUNTS, QUICK_ACCOUNTS = 12, 4
ROUND_TRIPS = 2
MOST_OF_ROUND_TRIPS = 2.0
_LONGEST_SECONDS = 60.0
_REST_SECONDS = 3.0
"""Until an executor that has just worked is at rest again."""


async def approve_to_accepted(options: Options) -> Sequence[Measurement]:
    """Approve a trade of each account, one after the other; the median of what they take."""
    configure_logs("CRITICAL", (), False)  # what the executor does is no part of the result
    count = QUICK_ACCOUNTS if options.is_quick else ACCOUNTS
    async with own_server() as server, _council(server, count) as app:
        trips = await _round_trips(app.deps)
        async with _executor(app):
            taken = [await _taken(account, app.deps) for account in app.deps.desks]
    return (
        Measurement(
            "order/accepted",
            "approval to accepted order",
            median(taken),
            "s",
            reference=f"{ROUND_TRIPS} round trips to a venue that takes {LATENCY_MS:.0f} ms",
            reference_value=ROUND_TRIPS * trips,
            bound=MOST_OF_ROUND_TRIPS,
            note=f"{min(taken):.2f} to {max(taken):.2f} s",
        ),
    )


@asynccontextmanager
async def _council(server: str, count: int) -> AsyncIterator[App]:
    """Open a council of `count` accounts at an exchange that takes its time."""
    shift = TRADING_AT - datetime.now(UTC)
    exchange_dsn = await ensure_database(server, "exchange")
    dsn = await migrated(server, "council")
    with TemporaryDirectory(prefix="council-bench-") as folder:
        async with exchange_process(exchange_dsn, count, LATENCY_MS, shift=shift) as url:
            home = Path(folder)
            settings = load_settings(environment_of(count, url, home), directory=home)
            clock = ShiftedClock(shift)
            terms = Terms(
                clock=clock, dsn=dsn, pooled=True, models=False, prices=SyntheticPrices(7)
            )
            async with assembled(settings, terms) as app:
                yield app


@asynccontextmanager
async def _executor(app: App) -> AsyncIterator[None]:
    """Run the executor as a server does, and wait until it has nothing to do."""
    stop = asyncio.Event()
    working = asyncio.create_task(execute_in_background(app, stop))
    await asyncio.sleep(_REST_SECONDS)
    try:
        yield
    finally:
        stop.set()
        await working


async def _round_trips(deps: Deps) -> float:
    """Return what one request takes, the first ones of each connection not counted."""
    taken = []
    for desk in deps.desks.values():
        await desk.venue.clock()
        began = perf_counter()
        await desk.venue.clock()
        taken.append(perf_counter() - began)
    return median(taken)


async def _taken(account: str, deps: Deps) -> float:
    """Approve a trade of the account; how many seconds later its order was accepted."""
    ticket = await approved(deps, account=account, expires_at=deps.clock.now() + timedelta(days=1))
    told = await deps.store.read_stream(f"trade-{ticket.trade_id}")
    given = next(event for event in told if event.event_type == TradeApproved.__name__)
    async with asyncio.timeout(_LONGEST_SECONDS):
        accepted = await _accepted(account, deps)
    await asyncio.sleep(_REST_SECONDS)
    return (accepted.timestamp - given.timestamp).total_seconds()


async def _accepted(account: str, deps: Deps) -> StoredEvent:
    while True:
        for event in await deps.store.read_stream(f"account-{account}"):
            if event.event_type == OrderAccepted.__name__:
                return event
        await asyncio.sleep(0.05)  # looked for by no subscription, which would cost connections
