"""How fast waiting trades are listed over HTTP while ten thousand are stored, to ten clients.

The reference is a tool that always says the same, on the same SDK in a process of its own: all that
a call costs before anything is read.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from config.settings import load_settings
from mcp_server.wiring import Terms, assembled
from tests.bench.constant_server import TOOL as CONSTANT
from tests.bench.frame import Measurement, Options
from tests.bench.http_calls import calls_a_second
from tests.bench.servers import migrated, own_server
from tests.hosts.served import near_empty, served
from tests.mcp_server.many_trades import store_many_trades

TOOL = "list_pending_trades"
CLIENTS = 10
CALLS, QUICK_CALLS = 200, 20
ROUNDS, QUICK_ROUNDS = 5, 1
LEAST_OF_CONSTANT = 0.6


async def pending_trades(options: Options) -> Sequence[Measurement]:
    """Ask both servers in turns; of each the median round."""
    calls = QUICK_CALLS if options.is_quick else CALLS
    rounds = QUICK_ROUNDS if options.is_quick else ROUNDS
    async with own_server() as server, filled_server(server) as ours, constant_server() as bare:
        pairs = [
            (
                await calls_a_second(bare, CONSTANT, clients=CLIENTS, calls=calls),
                await calls_a_second(ours, TOOL, clients=CLIENTS, calls=calls),
            )
            for _ in range(rounds)
        ]
    return (
        Measurement(
            "pending/rate",
            f"{TOOL} over HTTP, 10,000 trades stored, {CLIENTS} clients",
            median(rate for _, rate in pairs),
            "calls/s",
            reference="a constant tool on the same SDK",
            reference_value=median(rate for rate, _ in pairs),
            sense=">=",
            bound=LEAST_OF_CONSTANT,
        ),
    )


@asynccontextmanager
async def filled_server(server: str) -> AsyncIterator[str]:
    """Run `council serve` on a database of `server` with five years of trades; its MCP address."""
    dsn = await migrated(server, "filled")
    with TemporaryDirectory(prefix="council-bench-") as folder:
        home = Path(folder)
        environment = near_empty(dsn, home)
        settings = load_settings(environment, directory=home)
        async with assembled(settings, Terms(models=False)) as app:
            await store_many_trades(app)
        with served(environment) as address:
            yield address


@asynccontextmanager
async def constant_server() -> AsyncIterator[str]:
    """Run the server with one constant tool; its MCP address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.constant_server",
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()
