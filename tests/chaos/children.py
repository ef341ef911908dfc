"""The processes of the chaos hour: the exchange, executors, and who lives a week of the council.

They are forked from a process that has imported all they need; all but the exchange are killed.
"""

import asyncio
import json
import os
from collections.abc import Callable
from datetime import date, timedelta
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from broker.exchange.app import create_exchange
from broker.exchange.faults import FaultPlan
from broker.exchange.faulty_wire import FaultyWire
from broker.exchange.prices import SyntheticPrices
from config.errors import UnreachableError
from council.trading.executor import executor_loop
from store.pool import open_pool
from tests.chaos.clock import SharedClock
from tests.chaos.place import Place, exchange_accounts, seated
from tests.system.database_chaos import Run, Weeks, week_of
from tests.system.faults.children import dying, served, speaking_to, until_closed
from tests.system.faults.scenario import Doom

INTERVAL: Final = timedelta(seconds=6)
"""On the clock of the run, as everything here."""
FLAGS_FLIP_EVERY: Final = timedelta(minutes=10)
MOST_LOOKS: Final = 600
COUNTS_PATH: Final = "/fault-counts"
_UNDER_WAY: Final = ("approved", "executed")
_EXCHANGE_CONNECTIONS: Final = 8
_PAUSE_SECONDS: Final = 0.2
_MOST_STARTS: Final = 300


def wire_plan(seed: int) -> FaultPlan:
    """Return what goes wrong between executors and exchange: every second order, some reads."""
    return FaultPlan(
        seed=seed, posts=0.5, gets=0.05, deletes=0.4, latest=timedelta(seconds=8),
        flips=FLAGS_FLIP_EVERY,
    )  # fmt: skip


def run_exchange(clock: SharedClock, dsn: str, seed: int, told: Connection) -> None:
    """Serve the accounts over a faulty and over a clean wire; sends both origins through `told`."""
    with speaking_to(Path(os.devnull)):
        asyncio.run(_exchange(clock, dsn, seed, told))


def run_executor(place: Place, doom: Doom) -> None:
    """Carry out what is approved until death."""
    with speaking_to(place.home / "executors.log"):
        asyncio.run(_until_open(lambda: _execute(place, dying(doom, place.home))))


def run_council(place: Place, wednesday: date, doom: Doom) -> None:
    """Live the week, from wherever another one has died in it, to its end or to death."""
    with speaking_to(place.home / "council.log"):
        asyncio.run(_until_open(lambda: _live(place, wednesday, dying(doom, place.home))))


async def _until_open(work: Callable[[], Any]) -> None:
    """Begin again where the database is away just when everything is opened."""
    for _ in range(_MOST_STARTS):
        try:
            await work()
        except UnreachableError:
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return
    raise TimeoutError("The database does not come back: see the log beside this one.")


async def _execute(place: Place, failpoint: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    driver = parent_process()
    if driver is not None:
        asyncio.get_running_loop().add_reader(driver.sentinel, stop.set)
    async with seated(place, failpoint=failpoint, models=False, faulty=True) as deps:
        await executor_loop(deps, stop, INTERVAL / place.clock.running.speed)


async def _live(place: Place, wednesday: date, failpoint: Callable[[str], None]) -> None:
    async with seated(place, failpoint=failpoint, models=True, faulty=False) as deps:
        await WeeksOfOthers(deps, place.clock, Run()).play(week_of(wednesday))


class WeeksOfOthers(Weeks):
    """Weeks in which other processes send the orders."""

    async def settle(self) -> None:
        """Wait until nothing is under way; what hangs is told at the end, by its trade."""
        for _ in range(MOST_LOOKS):
            counts = [
                await self.insist(
                    lambda status=status: self.deps.store.count_rows(  # type: ignore[misc]  # a default of a lambda
                        "trades", where={"status": status}
                    )
                )
                for status in _UNDER_WAY
            ]
            if not any(counts):
                return
            await self.wait()


async def _exchange(clock: SharedClock, dsn: str, seed: int, told: Connection) -> None:
    plan = wire_plan(seed)
    pool = await open_pool(
        dsn, min_size=0, max_size=_EXCHANGE_CONNECTIONS, command_timeout_seconds=10
    )
    app = create_exchange(
        pool=pool,
        prices=SyntheticPrices(seed),
        clock=clock,
        accounts=exchange_accounts(),
        requests_per_minute=None,
        faults=FaultPlan(seed=seed, flips=plan.flips),
    )
    wire = FaultyWire(app, plan, clock)
    async with served(wire) as faulty_origin, served(_Clean(app, wire)) as clean_origin:
        told.send((faulty_origin, clean_origin))
        await asyncio.to_thread(until_closed, told)


class _Clean:
    """The exchange without faults, which also tells what the faulty wire has done."""

    def __init__(self, app: ASGIApp, wire: FaultyWire) -> None:
        self._app = app
        self._wire = wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != COUNTS_PATH:
            await self._app(scope, receive, send)
            return
        counts = {f"{method} {kind}": count for (method, kind), count in self._wire.counts.items()}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(counts).encode()})
