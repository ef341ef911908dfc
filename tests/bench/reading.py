"""How long a week's stream takes to read, with a long log behind it and with a short one."""

import statistics
import time
from collections.abc import Sequence

from store.event_store import PostgresEventStore
from store.pool import StorePool, open_pool
from tests.bench.filling import Weeks, fill, simulated
from tests.bench.frame import Measurement, Options
from tests.bench.servers import migrated, own_server

WEEKS, MANY, FEW, ROUNDS = 8, 1_000_000, 10_000, 200
QUICK_WEEKS, QUICK_MANY, QUICK_FEW, QUICK_ROUNDS = 1, 2_000, 500, 10
MOST_OF_SHORT = 1.2


async def read_week(options: Options) -> Sequence[Measurement]:
    """Read the same weeks from both in turns and compare the medians."""
    sizes = (QUICK_WEEKS, QUICK_MANY, QUICK_FEW, QUICK_ROUNDS)
    count, many, few, rounds = sizes if options.is_quick else (WEEKS, MANY, FEW, ROUNDS)
    weeks = await simulated(count)
    async with own_server() as server:
        long = await _filled(server, "long", weeks, many)
        short = await _filled(server, "short", weeks, few)
        streams = sorted({stream for stream, _ in weeks.events if stream.startswith("week-")})
        long_seconds: list[float] = []
        short_seconds: list[float] = []
        for number in range(rounds):
            stream = streams[number % len(streams)]
            long_seconds.append(await _seconds(long, stream))
            short_seconds.append(await _seconds(short, stream))
        await long.close()
        await short.close()
    return (
        Measurement(
            "read/week",
            f"read a week's stream, {many:,} events stored",
            statistics.median(long_seconds) * 1000,
            "ms",
            reference=f"the same, {few:,} stored",
            reference_value=statistics.median(short_seconds) * 1000,
            bound=MOST_OF_SHORT,
        ),
    )


async def _filled(server: str, name: str, weeks: Weeks, count: int) -> StorePool:
    dsn = await migrated(server, name)
    await fill(dsn, weeks, count)
    return await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=60)


async def _seconds(pool: StorePool, stream: str) -> float:
    began = time.perf_counter()
    await PostgresEventStore(pool, lambda _: ()).read_stream(stream)
    return time.perf_counter() - began
