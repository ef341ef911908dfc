"""The chaos hour: weeks of the council while database, processes and wire fail all the time.

PostgreSQL dies after pauses of chance. Two executors race for every order over a wire that fails by
plan, and die at failpoints. Who lives the week is killed amid it and goes on in another process.
"""

import asyncio
import json
import multiprocessing
import random
import signal
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from multiprocessing.connection import Connection
from typing import Any, Final

from broker.exchange.seeds import key_of
from store.databases import ensure_database
from store.migrate import migrate
from tests.chaos import children
from tests.chaos.clock import SharedClock
from tests.chaos.place import Place
from tests.chaos.planting import Plant, planted
from tests.chaos.verdict import Verdict, verdict_on
from tests.system.database_chaos import FIRST_WEEK, week_of
from tests.system.faults.children import deaths_in
from tests.system.faults.scenario import FREQUENT_FAILPOINTS, RARE_FAILPOINTS, Doom
from tests.system.killed_server import KilledServer, Killer

SPEED: Final = 30.0
EXECUTORS: Final = 2
KILLS_A_WEEK: Final = 2
"""Of the process that lives the week: the next one may end it."""
SOONEST_SECONDS, LATEST_SECONDS = 1.0, 8.0
_MOST_FAILURES: Final = 5
_STARTED_WITHIN_SECONDS: Final = 60.0
_ZYGOTES: Final = ("__main__", "tests.chaos.zygote")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for; `pause_seconds` are those between two deaths of PostgreSQL."""

    weeks: int
    seed: int
    pause_seconds: tuple[float, float]
    plant: Plant | None = None


@dataclass
class Chaos:
    """What happened so far."""

    weeks: int = 0
    council_kills: int = 0
    surprises: list[str] = field(default_factory=list)
    """Ends of processes that nobody had ordered."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it: zero violations, or each of them."""

    plan: Plan
    chaos: Chaos
    verdict: Verdict
    restarts: int
    kills: Counter[str]
    wire: dict[str, int]

    @property
    def violations(self) -> tuple[str, ...]:
        """Return everything that broke."""
        return (*self.chaos.surprises, *self.verdict.violations)

    def as_json(self) -> dict[str, Any]:
        """Return the report as a JSON object of stable shape."""
        return {
            "ok": not self.violations,
            "violations": list(self.violations),
            "seed": self.plan.seed,
            "weeks": self.chaos.weeks,
            "database_restarts": self.restarts,
            "executors_killed": dict(sorted(self.kills.items())),
            "councils_killed": self.chaos.council_kills,
            "wire": dict(sorted(self.wire.items())),
            "events": self.verdict.events,
            "orders": self.verdict.orders,
            "trades": dict(sorted(self.verdict.endings.items())),
        }


async def chaos_hour(plan: Plan, server: KilledServer, *, tell: Tell) -> Report:
    """Live the weeks on the dying server, then judge what is left.

    Raises:
        RuntimeError: the council's process fails again and again, or the exchange does not start.
    """
    chaos = Chaos()
    async with _placed(plan, server) as (place, processes):
        killer = Killer(server, seed=plan.seed, pause_seconds=plan.pause_seconds)
        crew = _Crew(place, processes, plan.seed, chaos)
        with killer:
            async with crew.executors_at_work():
                for number in range(plan.weeks):
                    await crew.live(FIRST_WEEK + timedelta(weeks=number))
                    chaos.weeks += 1
                    tell(f"week {chaos.weeks}: {server.kills} restarts, "
                         f"{len(deaths_in(place.home)) + chaos.council_kills} kills")  # fmt: skip
        if plan.plant is not None:
            await planted(plan.plant, place)
        return Report(
            plan=plan,
            chaos=chaos,
            verdict=await verdict_on(place),
            restarts=server.kills,
            kills=Counter(deaths_in(place.home)),
            wire=await asyncio.to_thread(_fetched, place.clean_origin + children.COUNTS_PATH),
        )


def dooms(seed: int, slot: int) -> Iterator[Doom]:
    """Yield how the incarnations of one executor end, without end."""
    for number in count():
        drawn = key_of("chaos", seed, slot, number)
        yield Doom(
            FREQUENT_FAILPOINTS[drawn % len(FREQUENT_FAILPOINTS)],
            time=1 + drawn % 3,
            patience=8 + drawn % 40,
            rare=RARE_FAILPOINTS,
        )


class _Crew:
    """Starts, kills and starts again."""

    def __init__(self, place: Place, processes: Any, seed: int, chaos: Chaos) -> None:
        self._place = place
        self._processes = processes
        self._seed = seed
        self._chaos = chaos
        self._chance = random.Random(seed)  # noqa: S311 - no secret

    @asynccontextmanager
    async def executors_at_work(self) -> AsyncIterator[None]:
        """Keep the executors alive through all their deaths until the context ends."""
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(self._keep_alive(slot)) for slot in range(EXECUTORS)]
            try:
                yield
            finally:
                for task in working:
                    task.cancel()

    async def live(self, wednesday: date) -> None:
        """Live one week, in as many processes as it takes."""
        kills, failures = 0, 0
        while True:
            seconds = self._chance.uniform(SOONEST_SECONDS, LATEST_SECONDS)
            dies = kills < KILLS_A_WEEK
            passes = self._chance.randrange(2, 30) if dies else Doom().patience
            doom = Doom(patience=passes, rare=())
            process = self._start(children.run_council, self._place, wednesday, doom)
            ended = await self._ended(process, within=seconds if dies else None)
            if ended == 0:
                return
            if ended == -signal.SIGKILL:
                kills += 1
                self._chaos.council_kills += 1
                continue
            failures += 1
            if failures == _MOST_FAILURES:
                raise RuntimeError(f"Nobody can live week {wednesday}: see {self._place.home}.")

    async def _keep_alive(self, slot: int) -> None:
        for doom in dooms(self._seed, slot):
            process = self._start(children.run_executor, self._place, doom)
            ended = await self._ended(process, within=None)
            if ended != -signal.SIGKILL:
                self._chaos.surprises.append(f"executor {slot} ended with code {ended}")
                await asyncio.sleep(1)

    def _start(self, work: Callable[..., None], *arguments: Any) -> Any:
        process = self._processes.Process(target=work, args=arguments, daemon=True)
        process.start()
        return process

    async def _ended(self, process: Any, *, within: float | None) -> int:
        """Wait for the end of `process`, kill it after `within` seconds; its exit code."""
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(process.sentinel, gone.set)
        try:
            async with asyncio.timeout(within):
                await gone.wait()
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(process.sentinel)
            process.kill()
            process.join()
        return int(process.exitcode)


@asynccontextmanager
async def _placed(plan: Plan, server: KilledServer) -> AsyncIterator[tuple[Place, Any]]:
    """Start exchange and zygote; yield the place, and where processes come from."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(list(_ZYGOTES))
    dsn = await ensure_database(server.dsn, "chaos")
    await migrate(dsn)
    exchange_dsn = await ensure_database(server.dsn, "chaos_exchange")
    clock = SharedClock.started(server.home / "skipped", week_of(FIRST_WEEK).starts_at, SPEED)
    ours, theirs = processes.Pipe()
    process = processes.Process(
        target=children.run_exchange, args=(clock, exchange_dsn, plan.seed, theirs), daemon=True
    )
    await asyncio.to_thread(process.start)
    theirs.close()
    try:
        faulty_origin, clean_origin = await asyncio.to_thread(_origins, ours)
        yield Place(server.home, dsn, clock, faulty_origin, clean_origin), processes
    finally:
        ours.close()
        await asyncio.to_thread(process.join, 10)
        process.kill()


def _origins(ours: Connection) -> tuple[str, str]:
    if not ours.poll(_STARTED_WITHIN_SECONDS):
        raise RuntimeError("The exchange did not start: run it alone to see why.")
    origins: tuple[str, str] = ours.recv()
    return origins


def _fetched(address: str) -> dict[str, int]:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own exchange's
        counts: dict[str, int] = json.load(answer)
        return counts
