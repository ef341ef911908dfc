"""Simulated weeks while PostgreSQL is killed and restarted every few seconds.

The weeks are those of `council demo`: the same stages, approvals, executor, checkpoints and
simulated exchange, on a virtual clock and all in the database that dies. A step that finds it away
is simply taken again. Run by itself: `uv run python -m tests.system.database_chaos --weeks 50`.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeVar
from unittest.mock import patch
from uuid import UUID

from broker.exchange.prices import SyntheticPrices
from config.clock import NEW_YORK, Clock, VirtualClock
from config.errors import RefusedError, UnreachableError
from config.loader import load_config
from config.logs import configure_logs
from config.market_calendar import xnys
from config.settings import Settings
from config.weeks import CouncilWeek, council_week
from council.checkpoints import run_checkpoint
from council.pipeline import run_week
from council.ports import Deps
from council.trading.approvals import Decider, approve
from council.trading.executor import run_until_settled
from mcp_server.wiring import Terms, assembled
from store.databases import ensure_database
from store.event_store import PostgresEventStore
from store.events import StoredEvent, StreamWrite
from tests.system.chaos_checks import checked
from tests.system.killed_server import KilledServer, Killer, killed_server

T = TypeVar("T")

FIRST_WEEK = date(2026, 1, 7)
SEED = 7
MOST_TRIES = 60
PAUSE_SECONDS = 0.2
"""Between two tries of a step, in real time: the server needs about that long to come back."""
SLOT = "12:00"
_DECIDER = Decider("demo", "demo", "demo")
_JUST_AFTER_OPEN = timedelta(minutes=1)
_SETTLING = timedelta(minutes=10)
_ROUNDS = 3
_UNSETTLED = {"unreachable", "working", "busy"}
_MOMENTS = {"LegIntended", "SubmitAttempted", "OrderAccepted"}
SHARE_OF_MOMENTS = 0.05
"""How often the server dies just after one of these was stored: orders take little of the time."""


class Settable(Clock, Protocol):
    """A clock that can be set forward."""

    def advance_to(self, instant: datetime) -> None:
        """Set the clock to `instant`, unless it is past it."""
        ...


@dataclass
class Run:
    """What happened: every acknowledged event by position, and how often a step was repeated."""

    acknowledged: dict[int, StoredEvent] = field(default_factory=dict)
    retries: int = 0
    weeks: int = 0


@dataclass(frozen=True)
class Weeks:
    """The app's parts that the driver moves, and its book."""

    deps: Deps
    clock: Settable
    run: Run

    async def play(self, week: CouncilWeek) -> None:
        """Live one week from its first minute to its last close."""
        self.clock.advance_to(week.starts_at)
        await self.insist(lambda: run_week(week.week_id, self.deps))
        for _ in range(_ROUNDS):
            approved = await self._approve_all(week)
            opens_at = self.deps.calendar.next_to_open(week.starts_at).open_at
            self.clock.advance_to(opens_at + _JUST_AFTER_OPEN)
            await self.settle()
            if not approved:
                break
        await self._look_daily(week)
        self.clock.advance_to(week.ends_at)
        self.run.weeks += 1

    async def _look_daily(self, week: CouncilWeek) -> None:
        first, last = (at.astimezone(NEW_YORK).date() for at in (week.starts_at, week.ends_at))
        for session in self.deps.calendar.between(first, last):
            noon = session.open_at.astimezone(NEW_YORK).replace(hour=12, minute=0)
            self.clock.advance_to(noon)
            await self.insist(lambda: run_checkpoint(week.week_id, self.deps, slot=SLOT))
            await self._approve_all(week)
            await self.settle()

    async def _approve_all(self, week: CouncilWeek) -> int:
        where = {"week_id": week.week_id, "status": "pending"}
        rows = await self.insist(lambda: self.deps.store.rows("trades", where=where))
        for row in rows:
            await self.insist(lambda row=row: self._approve(row))  # type: ignore[misc]  # a default of a lambda
        return len(rows)

    async def _approve(self, row: dict[str, Any]) -> None:
        trade_id, digest = UUID(str(row["trade_id"])), row["ticket"]["digest"]
        try:
            await approve(trade_id, self.deps, decider=_DECIDER, digest=digest)
        except RefusedError:
            # Its ticket went out of date while the database was away; the next round has another.
            return

    async def settle(self) -> None:
        """Let the executor work until nothing is under way, however often the database goes."""
        for _ in range(MOST_TRIES):
            reports = await self.insist(lambda: run_until_settled(self.deps, timeout=_SETTLING))
            if not any(report.outcome in _UNSETTLED for report in reports):
                return
            await self.wait()
        raise AssertionError(f"nothing settles: {reports}")

    async def insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Take the same step again while database or venue are away: repeating must be harmless."""
        for _ in range(MOST_TRIES):
            try:
                return await step()
            except UnreachableError:
                await self.wait()
        return await step()

    async def wait(self) -> None:
        """Count the try, and let a moment pass for real."""
        self.run.retries += 1
        await asyncio.sleep(PAUSE_SECONDS)


def noting(run: Run, killer: Killer, chance: random.Random) -> type[PostgresEventStore]:
    """Return a store that notes what is acknowledged, and calls the killer amid some orders."""

    class NotingStore(PostgresEventStore):
        async def append_many(self, writes: Sequence[StreamWrite]) -> tuple[StoredEvent, ...]:
            stored = await super().append_many(writes)
            run.acknowledged.update((event.position, event) for event in stored)
            kinds = {event.event_type for event in stored}
            if kinds & _MOMENTS and chance.random() < SHARE_OF_MOMENTS:
                killer.now()
            return stored

    return NotingStore


async def chaos(
    wednesdays: Sequence[date], server: KilledServer, killer: Killer, *, seed: int = SEED
) -> dict[str, int]:
    """Live the weeks of `wednesdays` on the dying server; the counts of what then was checked.

    Raises:
        AssertionError: an acknowledged event is gone, an order is double, or the books differ.
    """
    run, clock = Run(), VirtualClock(week_of(wednesdays[0]).starts_at)
    dsn = await ensure_database(server.dsn, f"chaos_{seed}")
    terms = Terms(clock=clock, prices=SyntheticPrices(seed), dsn=dsn)
    chance = random.Random(seed)  # noqa: S311 - no secret
    with patch("mcp_server.wiring.PostgresEventStore", noting(run, killer, chance)):
        async with assembled(Settings(council_home=server.home), terms) as app:
            weeks = Weeks(app.deps, clock, run)
            with killer:
                for wednesday in wednesdays:
                    await weeks.play(week_of(wednesday))
                    _tell(wednesday, run, server)
    counts = await checked(dsn, run.acknowledged)
    return {"weeks": run.weeks, "kills": server.kills, "retries": run.retries, **counts}


def week_of(wednesday: date) -> CouncilWeek:
    return council_week(wednesday.isoformat(), xnys(), load_config().schedule)


def _tell(wednesday: date, run: Run, server: KilledServer) -> None:
    told = f"{wednesday} kills {server.kills} events {len(run.acknowledged)} again {run.retries}"
    sys.stdout.write(f"{told}\n")
    sys.stdout.flush()


def main() -> None:
    """Run as many weeks as asked for and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=50)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--pause", type=float, nargs=2, default=(2.0, 5.0), metavar="SECONDS")
    asked = parser.parse_args()
    configure_logs("CRITICAL", (), False)
    wednesdays = [FIRST_WEEK + timedelta(weeks=n) for n in range(asked.weeks)]
    began = time.monotonic()
    with killed_server() as server:
        killer = Killer(server, seed=asked.seed, pause_seconds=tuple(asked.pause))
        counts = asyncio.run(chaos(wednesdays, server, killer, seed=asked.seed))
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    sys.stdout.write(f"{told}, {time.monotonic() - began:.0f} seconds\n")


if __name__ == "__main__":
    main()
