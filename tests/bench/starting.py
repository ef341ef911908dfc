"""How long a host waits for the tools over stdio and what the server holds then, beside the SDK's
own server with as many tools; and how much a whole weekly run holds at most.
"""

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.bench.frame import Measurement, Options
from tests.bench.memory import peak_bytes, resident_bytes
from tests.bench.servers import migrated, own_server
from tests.hosts.served import COUNCIL, near_empty
from tests.mcp_server.installations import hosts_environment
from tests.mcp_server.test_cold_start import BARE, CALLS, OURS

TIMES, QUICK_TIMES = 9, 3
MOST_TIME, MOST_MEMORY, MOST_WEEK_MEMORY = 1.2, 1.3, 5.0
_ROOT = Path(__file__).parents[2]
_REFERENCE = "bare SDK server, 20 tools"
_MEBIBYTE = 1024 * 1024


async def start(options: Options) -> Sequence[Measurement]:
    """Start both servers in turns: of the times the shortest, of the memory the least."""
    started: dict[Sequence[str], list[tuple[float, int]]] = {BARE: [], OURS: []}
    with TemporaryDirectory(prefix="council-bench-") as home:
        for _ in range(QUICK_TIMES if options.is_quick else TIMES):
            for command, found in started.items():
                found.append(await asyncio.to_thread(listed, command, Path(home)))
    bare_seconds, bare_bytes = map(min, zip(*started[BARE], strict=True))
    seconds, held = map(min, zip(*started[OURS], strict=True))
    return (
        Measurement(
            "start/seconds", "spawn to `tools/list` over stdio", seconds, "s",
            reference=_REFERENCE, reference_value=bare_seconds, bound=MOST_TIME,
        ),
        _memory("start/memory", "resident memory then", (held, bare_bytes), bound=MOST_MEMORY),
    )  # fmt: skip


async def week_memory(_: Options) -> Sequence[Measurement]:
    """Run a week by rehearsal models at the simulated exchange; the most that it ever held."""
    async with own_server() as server:
        dsn = await migrated(server, "week")
        with TemporaryDirectory(prefix="council-bench-") as home:
            process = await asyncio.create_subprocess_exec(
                *COUNCIL, "run-weekly", "--json",
                env=near_empty(dsn, Path(home)), cwd=home, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            peak = await peak_bytes(process)
            if process.returncode:
                raise RuntimeError(f"the week ended with {process.returncode}: read above why")
            bare = (await asyncio.to_thread(listed, BARE, Path(home)))[1]
    what = "peak memory of a weekly run in one process"
    return (_memory("week/memory", what, (peak, bare), bound=MOST_WEEK_MEMORY),)


def _memory(name: str, what: str, found: tuple[int, int], *, bound: float) -> Measurement:
    """Return the row of two sizes in bytes: ours, and the bare server's."""
    held, bare = found
    return Measurement(
        name, what, held / _MEBIBYTE, "MiB",
        reference=_REFERENCE, reference_value=bare / _MEBIBYTE, bound=bound,
    )  # fmt: skip


def listed(command: Sequence[str], home: Path) -> tuple[float, int]:
    """Start a server and ask for its tools: seconds until they came, bytes that it holds then.

    Raises:
        RuntimeError: it lists none.
    """
    began = perf_counter()
    with subprocess.Popen(
        command, env=hosts_environment(home), cwd=_ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(CALLS)
        server.stdin.flush()
        answers = [server.stdout.readline() for _ in range(2)]
        seconds = perf_counter() - began
        held = resident_bytes(server.pid)
        server.stdin.close()
    if not json.loads(answers[1])["result"]["tools"]:
        raise RuntimeError(f"{command[-1]} lists no tools")
    return seconds, held
