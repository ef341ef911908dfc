"""What all seeds of a session share: the zygote, the exchange's process and the databases."""

import asyncio
import json
import multiprocessing
import timeit
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import asyncpg

from config.ids import random_id
from store.addresses import with_database
from store.databases import ensure_database
from store.migrate import migrate
from tests.builders import NOW
from tests.system.faults import children
from tests.system.faults.scaled_clock import ScaledClock
from tests.system.faults.seat import Seat

SPEED, LEAST_SPEED = 30.0, 7.5
"""Seconds on the run's clock in one of the machine's: at best the quarantine of 80 takes less than
3. On a machine that does less in a second the clock is slower by as much, down to the least.
"""
PATIENCE = timedelta(seconds=12)
"""On the run's clock, for each part of the exchange's answer."""

_WORK = "for number in range(300_000): number + number"
_WORK_SECONDS = 0.008
"""For the work above, where `SPEED` is not too fast."""

_ZYGOTE = "tests.system.faults.zygote"
_TEMPLATE = "faults_template"
_STARTED_WITHIN_SECONDS = 60.0


@dataclass(frozen=True)
class Grounds:
    """Where runs take place; any number of seeds at once."""

    folder: Path
    server_dsn: str
    clock: ScaledClock
    faulty_origin: str
    clean_origin: str
    processes: ForkServerContext

    def start(self, work: Callable[..., None], *arguments: Any) -> Any:
        """Start a process that does `work`; whoever starts it also ends it."""
        process = self.processes.Process(target=work, args=arguments, daemon=True)
        process.start()
        return process

    @asynccontextmanager
    async def seat(self, seed: int, *, locked: bool) -> AsyncIterator[Seat]:
        """Make a database for one seed and drop it afterwards; the seat is on the faulty wire."""
        name = f"faults_{seed}_{random_id().hex[:8]}"
        copy = f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy"
        await _execute(self.server_dsn, copy)
        dsn = with_database(self.server_dsn, name)
        try:
            patience_seconds = PATIENCE.total_seconds() / self.clock.speed
            yield Seat(seed, dsn, self.faulty_origin, self.clock, patience_seconds, locked)
        finally:
            await _execute(self.server_dsn, f"DROP DATABASE {name} WITH (FORCE)")

    async def counts(self, seed: int) -> Counter[tuple[str, str]]:
        """Return what the seed's wire has done so far, by method and kind of fault."""
        address = f"{self.clean_origin}{children.COUNTS_PATH}{seed}"
        rows = await asyncio.to_thread(_fetched, address)
        return Counter({(method, kind): count for method, kind, count in rows})


@asynccontextmanager
async def prepared(server_dsn: str, folder: Path, seeds: range) -> AsyncIterator[Grounds]:
    """Start the zygote and the exchange, and make the template of the seeds' databases.

    `server_dsn` names the maintenance database of a server whose `faults_…` databases are ours.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["__main__", _ZYGOTE])
    await migrate(await ensure_database(server_dsn, _TEMPLATE))
    exchange_dsn = await ensure_database(server_dsn, f"faults_exchange_{random_id().hex[:8]}")
    clock = ScaledClock.started(NOW, _affordable_speed())
    ours, theirs = processes.Pipe()
    process = processes.Process(
        target=children.run_exchange, args=(seeds, clock, exchange_dsn, theirs), daemon=True
    )
    await asyncio.to_thread(process.start)
    theirs.close()
    try:
        faulty_origin, clean_origin = await asyncio.to_thread(_origins, ours)
        yield Grounds(folder, server_dsn, clock, faulty_origin, clean_origin, processes)
    finally:
        ours.close()
        await asyncio.to_thread(process.join, 10)
        process.kill()


def _affordable_speed() -> float:
    """Return `SPEED`, or less where the machine is slower or has other work to do."""
    took = min(timeit.repeat(_WORK, number=1, repeat=9))
    return max(LEAST_SPEED, SPEED * min(1.0, _WORK_SECONDS / took))


def _origins(ours: Connection) -> tuple[str, str]:
    if not ours.poll(_STARTED_WITHIN_SECONDS):
        raise TimeoutError("The exchange did not start: run it alone to see why.")
    origins: tuple[str, str] = ours.recv()
    return origins


def _fetched(address: str) -> list[Any]:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own exchange's
        rows: list[Any] = json.load(answer)
        return rows


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
