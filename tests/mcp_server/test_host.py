import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest

from config import telemetry
from config.errors import UnreachableError
from mcp_server.host import Host, Pace
from mcp_server.wiring import App
from tests.spans import kept_spans

APP = cast("App", object())


async def idle(_: App, stop: asyncio.Event) -> None:
    await stop.wait()


class Door:
    """Opens the app and counts; the first `failures` openings fail."""

    def __init__(self, failures: int = 0) -> None:
        self.opened, self.closed, self._failures = 0, 0, failures

    @asynccontextmanager
    async def open(self) -> AsyncIterator[App]:
        self.opened += 1
        await asyncio.sleep(0)
        if self.opened <= self._failures:
            raise UnreachableError("The database does not answer.")
        try:
            yield APP
        finally:
            self.closed += 1


async def test_many_calls_at_once_open_the_app_once_and_the_end_closes_it() -> None:
    door = Door()
    host = Host(door.open, idle)

    apps = await asyncio.gather(*(host.app() for _ in range(5)))
    await host.aclose()

    assert apps == [APP] * 5
    assert (door.opened, door.closed) == (1, 1)


async def test_nothing_is_opened_before_the_first_call() -> None:
    door = Door()

    await Host(door.open, idle).aclose()

    assert door.opened == 0


async def test_an_opening_that_failed_is_tried_anew_by_the_next_call() -> None:
    door = Door(failures=1)
    host = Host(door.open, idle)

    with pytest.raises(UnreachableError, match="does not answer"):
        await host.app()
    app = await host.app()
    await host.aclose()

    assert app is APP
    assert (door.opened, door.closed) == (2, 1)


async def test_a_cancelled_call_does_not_cancel_the_opening_for_the_others() -> None:
    gate = asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[App]:
        await gate.wait()
        yield APP

    host = Host(slow, idle)
    first: asyncio.Task[Any] = asyncio.create_task(host.app())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    gate.set()

    assert await host.app() is APP
    await host.aclose()


async def test_the_end_does_not_wait_for_an_opening_that_hangs() -> None:
    left = []

    @asynccontextmanager
    async def stuck() -> AsyncIterator[App]:
        try:
            await asyncio.Event().wait()
        finally:
            left.append(True)
        yield APP

    host = Host(stuck, idle)
    asking = asyncio.create_task(host.app())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await host.aclose()
    await asyncio.gather(asking, return_exceptions=True)

    assert (left, asking.cancelled()) == ([True], True)


async def test_background_work_that_does_not_stop_is_cancelled_after_its_grace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mcp_server.host.GRACE", timedelta(milliseconds=1))
    door = Door()

    async def deaf(_: App, stop: asyncio.Event) -> None:
        await asyncio.Event().wait()

    host = Host(door.open, deaf)
    await host.app()
    await host.aclose()

    assert door.closed == 1


async def test_a_turn_that_is_under_way_at_the_end_is_finished() -> None:
    turns, begun = [], asyncio.Event()

    async def turning(_: App, stop: asyncio.Event) -> None:
        begun.set()
        await stop.wait()
        await asyncio.sleep(0)
        turns.append("sent")

    host = Host(Door().open, turning)
    await host.app()
    await begun.wait()
    await host.aclose()

    assert turns == ["sent"]


async def test_background_work_that_breaks_is_begun_anew_with_the_app_still_open() -> None:
    door, runs, was_working = Door(), [], []

    async def breaking(_: App, stop: asyncio.Event) -> None:
        runs.append("begun")
        if len(runs) < 3:
            raise RuntimeError("It broke.")
        was_working.append(host.is_working)
        await stop.wait()

    host = Host(door.open, breaking, pace=Pace(again=timedelta(0)))
    await host.app()
    for _ in range(20):
        await asyncio.sleep(0)
    await host.aclose()

    assert runs == ["begun"] * 3
    assert was_working == [True]
    assert (door.opened, door.closed) == (1, 1)


async def test_while_background_work_is_broken_the_host_is_open_but_not_working() -> None:
    async def breaks(_: App, stop: asyncio.Event) -> None:
        raise RuntimeError("It broke.")

    host = Host(Door().open, breaks, pace=Pace(again=timedelta(days=1)))
    await host.app()
    await asyncio.sleep(0)
    states = (host.is_open, host.is_working)
    await host.aclose()

    assert states == (True, False)


async def test_a_host_that_only_reads_sends_nothing() -> None:
    sent = []

    async def sending(_: App, stop: asyncio.Event) -> None:
        sent.append("order")

    host = Host(Door().open, sending, reads_only=True)
    await host.app()
    for _ in range(5):
        await asyncio.sleep(0)
    is_working = host.is_working
    await host.aclose()

    assert (sent, is_working) == ([], True)


async def test_what_goes_on_behind_the_calls_is_no_part_of_the_call_that_came_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def turning(_: App, stop: asyncio.Event) -> None:
        with telemetry.step("executor.turn"):
            await stop.wait()

    with kept_spans(monkeypatch) as kept:
        host = Host(Door().open, turning)
        with telemetry.step("tools/call", {"account": "GROQ"}):
            await host.app()
        await host.aclose()

    turn = next(span for span in kept.get_finished_spans() if span.name == "executor.turn")
    assert turn.parent is None
    assert not turn.attributes
