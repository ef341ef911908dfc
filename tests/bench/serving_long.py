"""What a server holds in memory after very many calls, beside what it held after the first ones."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from config.settings import load_settings
from mcp_server import operations
from mcp_server.wiring import Terms, assembled
from tests.bench.frame import Measurement, Options
from tests.bench.http_calls import Caller, callers, refuse_failed
from tests.bench.memory import resident_bytes
from tests.bench.servers import migrated, own_server
from tests.hosts.served import COUNCIL, near_empty

CLIENTS = 10
FEW, MANY = 1_000, 100_000
QUICK_FEW, QUICK_MANY = 100, 400
MOST_GROWTH = 1.1
_MEBIBYTE = 1024 * 1024
_START_SECONDS = 60

READS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("list_pending_trades", {}),
    ("get_status", {}),
    ("list_trades", {}),
    ("get_week", {}),
    ("list_pending_trades", {"limit": 2}),
)
"""What a host reads that keeps its user up to date, one after the other."""


async def memory(options: Options) -> Sequence[Measurement]:
    """Compare the server's memory after many mixed reads with that after few."""
    few, many = (QUICK_FEW, QUICK_MANY) if options.is_quick else (FEW, MANY)
    async with (
        own_server() as server,
        week_served(server) as (address, pid),
        callers(address, CLIENTS) as clients,
    ):
        await read_on(clients, few)
        early = resident_bytes(pid)
        await read_on(clients, many - few)
        late = resident_bytes(pid)
    return (
        Measurement(
            "server/memory",
            f"memory of the server after {many:,} calls",
            late / _MEBIBYTE,
            "MiB",
            reference=f"after {few:,}",
            reference_value=early / _MEBIBYTE,
            bound=MOST_GROWTH,
        ),
    )


async def read_on(clients: Sequence[Caller], calls: int) -> None:
    """Let the clients make `calls` calls together."""

    async def one(client: Caller) -> None:
        for tool, arguments in islice(cycle(READS), calls // len(clients)):
            refuse_failed(await client.call(tool, **arguments))

    await asyncio.gather(*map(one, clients))


@asynccontextmanager
async def week_served(server: str) -> AsyncIterator[tuple[str, int]]:
    """Run `council serve` where this week's trades wait; the address of MCP, the process's id."""
    dsn = await migrated(server, "served")
    with TemporaryDirectory(prefix="council-bench-") as folder:
        environment = near_empty(dsn, Path(folder))
        settings = load_settings(environment, directory=Path(folder))
        async with assembled(settings, Terms()) as app:
            week_id = operations.week_in_force(app)
            await operations.run_until(app, "propose", week_id=week_id, query=None)
        async with serving(environment) as served:
            yield served


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[tuple[str, int]]:
    """Run `council serve`; the address of MCP, and the process's id."""
    process = await asyncio.create_subprocess_exec(
        *COUNCIL, "serve", "--port", "0", "--json",
        env=environment, cwd=environment["HOME"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_START_SECONDS):
            address = await _address(process.stdout)
        yield address, process.pid
    finally:
        process.terminate()
        await process.wait()


async def _address(stdout: asyncio.StreamReader) -> str:
    async for line in stdout:
        name, _, value = line.decode().strip().rstrip(",").partition(": ")
        if name == '"mcp_url"':
            return value.strip('"')
    raise RuntimeError("the server did not come up")
