"""How long it takes to fold all read tables anew, beside reading the events alone."""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from council.projections import READ_TABLES, ROWLESS, project
from store.event_store import COLUMNS
from store.pool import open_pool
from store.projector import rebuild, verify
from tests.bench.filling import fill, simulated
from tests.bench.frame import Measurement, Options
from tests.bench.servers import migrated, own_server

WEEKS, EVENTS, ROUNDS = 8, 1_000_000, 3
QUICK_WEEKS, QUICK_EVENTS, QUICK_ROUNDS = 1, 2_000, 1
MOST_OF_READING = 4.0
_PREFETCH = 5_000
_READ = f"SELECT {COLUMNS} FROM events ORDER BY position"  # noqa: S608 - constant


async def rebuild_tables(options: Options) -> Sequence[Measurement]:
    """Rebuild and read in turns and compare the medians; then verify the chain once."""
    sizes = (QUICK_WEEKS, QUICK_EVENTS, QUICK_ROUNDS)
    count, events, rounds = sizes if options.is_quick else (WEEKS, EVENTS, ROUNDS)
    weeks = await simulated(count)
    async with own_server() as server:
        dsn = await migrated(server, "long")
        await fill(dsn, weeks, events)
        pool = await open_pool(dsn, min_size=1, max_size=2, command_timeout_seconds=600)
        read, folded = [], []
        for _ in range(rounds):
            read.append(await _seconds(lambda: _read_all(dsn)))
            folded.append(
                await _seconds(lambda: rebuild(pool, project, READ_TABLES, rowless=ROWLESS))
            )
        verified = await _seconds(lambda: verify(pool))
        await pool.close()
    return (
        Measurement(
            "rebuild/tables",
            f"rebuild all read tables from {events:,} events",
            statistics.median(folded),
            "s",
            reference="asyncpg reading the same rows",
            reference_value=statistics.median(read),
            bound=MOST_OF_READING,
        ),
        Measurement("rebuild/verify", f"verify the chain of {events:,} events", verified, "s"),
    )


async def _read_all(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            async for _ in connection.cursor(_READ, prefetch=_PREFETCH):
                pass
    finally:
        await connection.close()


async def _seconds(call: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began
