"""One week started by several processes at once (row T1): one runs it, the others say so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from config.clock import SystemClock
from config.loader import load_config
from config.market_calendar import xnys
from config.weeks import current_week
from store.locks import PostgresLocks
from tests.system.command import Finished, council

PROCESSES = 6
_BUSY = "Another process is running week"


def environment(dsn: str, home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "COUNCIL_HOME": str(home / "council"),
        "DATABASE_URL": dsn,
        "COUNCIL_EXCHANGE_HOURS": "always",
        "COUNCIL_MODE": "rehearsal",
    }


@pytest.mark.slow
async def test_of_six_processes_one_runs_the_week_and_all_end_well(
    database_dsn: str, tmp_path: Path
) -> None:
    runs = (
        council("run-weekly", "--json", environment=environment(database_dsn, tmp_path))
        for _ in range(PROCESSES)
    )

    ended = await asyncio.gather(*runs)
    again = await council("run-weekly", "--json", environment=environment(database_dsn, tmp_path))

    trades = _trade_ids(again)
    assert len(trades) == 6
    assert [run.code for run in ended] == [0] * PROCESSES
    assert {_trade_ids(run) for run in ended} <= {trades, frozenset()}
    assert trades in {_trade_ids(run) for run in ended}
    counts = await _counts(database_dsn)
    assert (counts["WeekStarted"], counts["TradeProposed"], counts["DecisionReached"]) == (1, 6, 1)
    assert counts["StageCompleted"] == len(again.document()["completed"])


async def test_who_finds_the_week_running_says_so_and_is_no_error(
    database_dsn: str, tmp_path: Path
) -> None:
    week_id = current_week(SystemClock().now(), xnys(), load_config().schedule).week_id

    async with _held(database_dsn, week_id) as held:
        found = await council("run-weekly", environment=environment(database_dsn, tmp_path))

    assert held
    assert found.code == 0
    assert f"{_BUSY} {week_id}" in found.stderr
    assert "WeekStarted" not in await _counts(database_dsn)


@pytest.mark.slow
async def test_a_single_step_that_finds_the_week_running_is_to_be_tried_later(
    database_dsn: str, tmp_path: Path
) -> None:
    week_id = current_week(SystemClock().now(), xnys(), load_config().schedule).week_id

    async with _held(database_dsn, week_id):
        found = await council("research", environment=environment(database_dsn, tmp_path))

    assert found.code == 4
    assert _BUSY in found.stderr


@asynccontextmanager
async def _held(dsn: str, week_id: str) -> AsyncIterator[bool]:
    """Be the process that runs the week."""
    async with aclosing(PostgresLocks(dsn)) as locks, locks.exclusive(f"week-{week_id}") as held:
        yield held


def _trade_ids(run: Finished) -> frozenset[str]:
    return frozenset(trade["trade_id"] for trade in run.document()["trades"])


async def _counts(dsn: str) -> dict[str, int]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT event_type, count(*) FROM events GROUP BY 1")
    finally:
        await connection.close()
    return {row["event_type"]: row["count"] for row in rows}
