"""The contract of scheduled work, on both backends, with real processes and a real database (T1).

Alone, every machine's timers start `council job`; with the extra `workers` several hosts share a
queue. A slot is done once, and whoever is killed in the middle of it loses it to the next.
"""

import asyncio
import importlib.util
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.mcp_server.jobs.waiting import PATIENCE_SECONDS, until
from tests.system.chat_gateway import ChatGateway, running_gateway
from tests.system.command import gateway_environment

DUE_AT = "2026-11-18T08:01:00-05:00"
"""A minute after the week's start, when nothing else is due."""
HEARTBEAT_SECONDS = 3.0
TAKEN_OVER_WITHIN_SECONDS = 5.0
STARTS = 3
KILLED_AT_CALL = 4
HELD_SECONDS = 25.0
"""For so long the gateway keeps the first worker waiting: until the second is there."""

_WEEKS_DONE = (
    "SELECT count(*) FROM events WHERE event_type = 'SlotDone' AND payload->>'job' = 'weekly'"
)

needs_workers = pytest.mark.skipif(
    importlib.util.find_spec("pgqueuer") is None and "CI" not in os.environ,
    reason="the extra `workers` is not installed",
)
BACKENDS = ("job", pytest.param("worker", marks=needs_workers))


def environment(dsn: str, home: Path, gateway: str) -> dict[str, str]:
    began = f"{DUE_AT} {time.monotonic()}"
    return {**gateway_environment(dsn, home, gateway), "JOBS_CLOCK": began}


@asynccontextmanager
async def process(
    backend: str, variables: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a start of `council job weekly`, or a worker, and end it with the context."""
    argument = "weekly" if backend == "job" else f"{HEARTBEAT_SECONDS}"
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.system.job_process",
        backend,
        argument,
        env={"PATH": os.environ["PATH"], **variables},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def ready(worker: asyncio.subprocess.Process) -> None:
    """Wait until a worker serves the queue."""
    assert worker.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while b"worker.works" not in (line := await worker.stderr.readline()):
            assert line, "the worker ended"


@pytest.mark.slow
async def test_of_three_starts_at_once_one_does_the_slot_and_all_end_well(
    database_dsn: str, tmp_path: Path
) -> None:
    async with running_gateway(ChatGateway(delay_seconds=0.2)) as gateway:
        variables = environment(database_dsn, tmp_path, gateway)
        starts = [_finished("job", variables) for _ in range(STARTS)]
        ended = await asyncio.gather(*starts)

    assert [code for code, _ in ended] == [0] * STARTS
    states = Counter(line.split("|")[1] for _, out in ended for line in out.splitlines())
    assert states["done"] == 1
    assert set(states) <= {"done", "already running", "already done"}
    await _assert_done_once(database_dsn)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
async def test_who_is_killed_in_the_middle_is_taken_over_without_a_doubled_fact(
    backend: str, database_dsn: str, tmp_path: Path
) -> None:
    reached = asyncio.Event()

    def hear(number: int) -> None:
        if number == KILLED_AT_CALL:
            gateway.delay_seconds = HELD_SECONDS
            reached.set()

    gateway = ChatGateway(on_call=hear)
    async with running_gateway(gateway) as address:
        variables = environment(database_dsn, tmp_path, address)
        async with process(backend, variables) as first:
            await asyncio.wait_for(reached.wait(), PATIENCE_SECONDS)
            if backend == "worker":
                async with process(backend, variables) as second:
                    await ready(second)
                    gateway.delay_seconds = 0.0
                    first.kill()
                    taken = await _done(database_dsn)
            else:
                gateway.delay_seconds = 0.0
                first.kill()
                begun = time.monotonic()
                code, _ = await _finished(backend, variables)
                assert code == 0
                taken = time.monotonic() - begun

    sys.stdout.write(f"\n{backend}: taken over and done {taken:.1f} s after the kill\n")
    # Alone, the next start is as late as its timer, and as long as a process takes to begin.
    assert backend == "job" or taken <= HEARTBEAT_SECONDS + TAKEN_OVER_WITHIN_SECONDS
    await _assert_done_once(database_dsn)


async def _finished(backend: str, variables: Mapping[str, str]) -> tuple[int, str]:
    async with process(backend, variables) as started:
        out, err = await started.communicate()
        assert started.returncode is not None
        assert started.returncode == 0, err.decode()
        return started.returncode, out.decode()


async def _done(dsn: str) -> float:
    """Wait until the slot is recorded as done; return how many seconds that took."""
    begun = time.monotonic()
    connection = await asyncpg.connect(dsn)
    try:
        await until(lambda: connection.fetchval(_WEEKS_DONE))
    finally:
        await connection.close()
    return time.monotonic() - begun


async def _assert_done_once(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT event_type, payload->>'job' AS job FROM events")
    finally:
        await connection.close()
    counts = Counter(row["event_type"] for row in rows)
    # Workers do every job: yesterday's close can still be marked, too.
    jobs = Counter(row["job"] for row in rows if row["event_type"] == "SlotDone")
    assert jobs["weekly"] == max(jobs.values()) == 1
    assert counts["WeekStarted"] == 1
    assert (counts["StageCompleted"], counts["TradeProposed"]) == (6, 6)
    assert "SlotSkipped" not in counts
    assert "SlotFailed" not in counts
