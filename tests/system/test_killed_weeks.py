"""`run-weekly` killed by SIGKILL and run again: nothing is lost and nothing is paid twice."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.system.chat_gateway import ChatGateway, running_gateway
from tests.system.command import Finished, council, finished, gateway_environment, started

LONGEST_WAIT_SECONDS = 60
CALLS_AT_ONCE = 5
"""The most questions that a stage has under way: one for each portfolio manager."""

KILLED_AT_CALL = (1, 2, 3, 5, 8, 13)
"""Numbers of model calls on whose arrival the process dies: in each stage, first and last ones."""
KILLED_AT_EVENT = ("SnapshotTaken", "ResearchReceived", "DecisionReached", "TradeProposed")
"""Kinds of events on whose commit the process dies, between two stages or after the last."""


@pytest.mark.parametrize("number", [8])
async def test_a_week_killed_in_a_model_call_ends_with_the_same_six_trades(
    database_dsn: str, tmp_path: Path, number: int
) -> None:
    await _assert_survives_a_kill_at(database_dsn, tmp_path, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", KILLED_AT_CALL)
async def test_a_week_killed_at_any_model_call_pays_no_recorded_answer_twice(
    database_dsn: str, tmp_path: Path, number: int
) -> None:
    await _assert_survives_a_kill_at(database_dsn, tmp_path, number)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KILLED_AT_EVENT)
async def test_a_week_killed_after_a_commit_goes_on_from_there(
    database_dsn: str, tmp_path: Path, kind: str
) -> None:
    gateway = ChatGateway()

    async with running_gateway(gateway) as address:
        environment = gateway_environment(database_dsn, tmp_path, address)
        process = await started("run-weekly", "--json", environment=environment)
        async with _Hearing(database_dsn, kind, process.kill):
            killed = await finished(process)
        recorded = await _recorded_calls(database_dsn)
        paid = len(gateway.calls)
        again = await council("run-weekly", "--json", environment=environment)

    assert killed.code == -9
    await _assert_whole(database_dsn, again)
    assert len(gateway.calls) - paid <= 13 - recorded


async def _assert_survives_a_kill_at(dsn: str, home: Path, number: int) -> None:
    process: list[asyncio.subprocess.Process] = []

    def kill(arrived: int) -> None:
        if arrived == number:
            process[0].kill()

    gateway = ChatGateway(on_call=kill)
    async with running_gateway(gateway) as address:
        environment = gateway_environment(dsn, home, address)
        process.append(await started("run-weekly", "--json", environment=environment))
        killed = await finished(process[0])
        recorded = await _recorded_calls(dsn)
        paid = len(gateway.calls)
        again = await council("run-weekly", "--json", environment=environment)

    assert killed.code == -9
    await _assert_whole(dsn, again)
    assert paid - recorded <= CALLS_AT_ONCE
    assert len(gateway.calls) == 13 + paid - recorded
    prompts = Counter((call.model, call.prompt) for call in gateway.calls)
    assert len(prompts) == 13
    assert max(prompts.values()) <= 2


async def _assert_whole(dsn: str, again: Finished) -> None:
    week = again.document()
    assert [pitch["status"] for pitch in week["pitches"]] == ["valid"] * 5
    assert week["reviews"] == 20
    assert len(week["trades"]) == 6
    assert len({trade["trade_id"] for trade in week["trades"]}) == 6
    connection = await asyncpg.connect(dsn)
    try:
        proposed = await connection.fetch(
            "SELECT account_id FROM events WHERE event_type = 'TradeProposed'"
        )
    finally:
        await connection.close()
    assert sorted(row["account_id"] for row in proposed) == sorted(
        trade["account"] for trade in week["trades"]
    )


async def _recorded_calls(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        found = await connection.fetchval(
            "SELECT count(*) FROM events WHERE event_type = 'ModelCalled'"
        )
    finally:
        await connection.close()
    return int(found)


class _Hearing:
    """Call `then` once, when an event of `kind` has been committed."""

    def __init__(self, dsn: str, kind: str, then: Callable[[], None]) -> None:
        self._dsn = dsn
        self._kind = kind
        self._then = then

    async def __aenter__(self) -> None:
        self._listener = await asyncpg.connect(self._dsn)
        self._reader = await asyncpg.connect(self._dsn)
        self._tasks: set[asyncio.Task[None]] = set()
        await self._listener.add_listener("council_events", self._wake)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._tasks)
        await self._listener.close()
        await self._reader.close()

    def _wake(self, connection: Any, pid: int, channel: str, position: object) -> None:
        if not self._tasks:
            self._tasks.add(asyncio.create_task(self._look()))

    async def _look(self) -> None:
        """Look until the event is there; each look is a round trip, so the loop is not idle."""
        counted = "SELECT count(*) FROM events WHERE event_type = $1"
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while not await self._reader.fetchval(counted, self._kind):
                pass
        self._then()
