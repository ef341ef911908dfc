"""A soak: a server, an executor and two clients kept busy, and what they hold and take, by minute.

One client reads over and over. The other stores a proposal each few seconds, as a checkpoint would,
and approves it; the executors of server and command race for its order at the server's exchange.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

from config.ids import random_id
from config.logs import configure_logs
from config.settings import load_settings
from council.model.base import Direction
from mcp_server import operations
from mcp_server.wiring import App, Terms, assembled
from tests.bench.http_calls import callers, refuse_failed
from tests.bench.memory import resident_bytes
from tests.bench.servers import migrated, own_server
from tests.bench.serving_long import READS, serving
from tests.council.trading.scenes import approved
from tests.hosts.served import COUNCIL, near_empty

TRADE_SECONDS = 5.0
_MINUTE_SECONDS = 60.0
_MEBIBYTE = 1024 * 1024


@dataclass
class Minute:
    """What was seen since the last line."""

    latencies: list[float] = field(default_factory=list)
    approvals: int = 0
    troubles: Counter[str] = field(default_factory=Counter)


async def soak(minutes: float) -> int:
    """Keep everything busy for `minutes`, with a line a minute; return how much went wrong."""
    configure_logs("CRITICAL", (), False)
    troubles = 0
    async with own_server() as server, _busy(server) as (app, pids, minute):
        left = minutes * _MINUTE_SECONDS
        while left > 0:
            await asyncio.sleep(min(left, _MINUTE_SECONDS))
            left -= _MINUTE_SECONDS
            _say(await _line(app, pids, minute))
            troubles += minute.troubles.total()
            minute.latencies, minute.approvals, minute.troubles = [], 0, Counter()
    return troubles


@asynccontextmanager
async def _busy(server: str) -> AsyncIterator[tuple[App, dict[str, int], Minute]]:
    """Run all of it: the app of the client that trades, the processes' ids, what is seen."""
    dsn, minute = await migrated(server, "soak"), Minute()
    with TemporaryDirectory(prefix="council-bench-") as folder:
        environment = near_empty(dsn, Path(folder))
        settings = load_settings(environment, directory=Path(folder))
        async with assembled(settings, Terms()) as app:
            week_id = operations.week_in_force(app)
            await operations.run_until(app, "propose", week_id=week_id, query=None)
            async with serving(environment) as (address, pid), _executor(environment) as other:
                work = (_reads(address, minute), _trades(app, minute))
                clients = [asyncio.create_task(one) for one in work]
                try:
                    yield app, {"server": pid, "executor": other}, minute
                finally:
                    for client in clients:
                        client.cancel()
                    await asyncio.gather(*clients, return_exceptions=True)


@asynccontextmanager
async def _executor(environment: dict[str, str]) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        *COUNCIL, "executor", env=environment, cwd=environment["HOME"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def _reads(address: str, minute: Minute) -> None:
    """Read without a pause."""
    async with callers(address, 1) as (client,):
        for tool, arguments in cycle(READS):
            began = perf_counter()
            try:
                refuse_failed(await client.call(tool, **arguments))
            except RuntimeError as error:
                minute.troubles[f"{tool}: {error}"[:80]] += 1
            minute.latencies.append(perf_counter() - began)


async def _trades(app: App, minute: Minute) -> None:
    """Turn one account after the other, long and flat again."""
    ways = cycle((Direction.LONG, Direction.FLAT))
    while True:
        way = next(ways)
        for account in app.deps.desks:
            try:
                await _one_trade(account, way, app)
                minute.approvals += 1
            except Exception as error:  # noqa: BLE001 - a soak goes on, and tells what went wrong
                minute.troubles[f"{account}: {error!r}"[:80]] += 1
            await asyncio.sleep(TRADE_SECONDS)


async def _one_trade(account: str, way: Direction, app: App) -> None:
    now = app.deps.clock.now()
    share = {} if way is Direction.LONG else {"conviction": 0}
    await approved(
        app.deps, account=account, instrument="SPY", direction=way, trade_id=random_id(),
        expires_at=now + timedelta(hours=1), **share,
    )  # fmt: skip


async def _line(app: App, pids: dict[str, int], minute: Minute) -> str:
    held = ", ".join(f"{name} {resident_bytes(p) / _MEBIBYTE:.0f} MiB" for name, p in pids.items())
    taken = [1_000 * one for one in minute.latencies] or [0.0, 0.0]
    late = quantiles(taken, n=100)[98]
    told = Counter(
        row["event_type"]
        for row in await app.pool.fetch(
            "SELECT event_type FROM events WHERE event_type = ANY($1)",
            ["TradeApproved", "TradeCompleted", "TradeIncomplete", "DriftDetected"],
        )
    )
    events = await app.deps.store.head()
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(told.items()))
    line = (
        f"{held}; {len(minute.latencies)} reads, median {median(taken):.1f} ms, "
        f"99 % {late:.1f} ms; {events} events: {kinds}"
    )
    return line + "".join(f"\n  {what}: {count}" for what, count in minute.troubles.items())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
