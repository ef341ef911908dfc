"""One reading serves all who ask while nothing is stored, and nobody a moment longer."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from mcp_server.shared_reading import LONGEST, SharedReadings
from tests.council.trading.scenes import proposed
from tests.fakes import make_deps


class Reading:
    """Counts how often it was read; `meanwhile` happens during the first time."""

    def __init__(self, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
        self.times = 0
        self._meanwhile = meanwhile

    async def __call__(self) -> int:
        self.times += 1
        answer = self.times
        if self._meanwhile is not None and answer == 1:
            await self._meanwhile()
        await asyncio.sleep(0)
        return answer


async def test_many_who_ask_at_once_are_answered_by_one_reading() -> None:
    deps, shared, reading = make_deps(), SharedReadings(), Reading()

    answers = await asyncio.gather(*(shared.read("trades", deps, reading) for _ in range(20)))

    assert set(answers) == {1}
    assert reading.times == 1


async def test_whoever_asks_after_something_was_stored_is_answered_anew() -> None:
    deps, shared, reading = make_deps(), SharedReadings(), Reading()
    before = await shared.read("trades", deps, reading)
    await proposed(deps)

    after = await shared.read("trades", deps, reading)

    assert (before, after) == (1, 2)


async def test_what_was_stored_during_a_reading_is_in_the_next_answer() -> None:
    deps, shared, is_stored = make_deps(), SharedReadings(), asyncio.Event()

    async def propose() -> None:
        await proposed(deps)
        is_stored.set()

    reading = Reading(meanwhile=propose)
    first = asyncio.create_task(shared.read("trades", deps, reading))
    await is_stored.wait()

    asked_after = await shared.read("trades", deps, reading)

    assert (await first, asked_after) == (1, 2)


async def test_those_who_wait_share_the_reading_that_is_begun_after_they_asked() -> None:
    deps, shared, has_begun = make_deps(), SharedReadings(), asyncio.Event()
    times: list[int] = []

    async def outlasts_its_own_age() -> int:
        has_begun.set()
        times.append(len(times) + 1)
        await deps.clock.sleep(LONGEST)
        return times[-1]

    first = asyncio.create_task(shared.read("trades", deps, outlasts_its_own_age))
    await has_begun.wait()
    later = await asyncio.gather(
        *(shared.read("trades", deps, outlasts_its_own_age) for _ in range(5))
    )

    assert (await first, later) == (1, [2] * 5)


async def test_a_halt_file_and_the_time_make_an_answer_old() -> None:
    deps, shared, reading = make_deps(), SharedReadings(), Reading()
    await shared.read("trades", deps, reading)

    halted = await shared.read("trades", replace(deps, halt_wanted=lambda: "stop"), reading)
    await deps.clock.sleep(LONGEST)
    later = await shared.read("trades", replace(deps, halt_wanted=lambda: "stop"), reading)

    assert (halted, later) == (2, 3)


async def test_a_reading_that_fails_is_not_remembered_and_leaves_nothing_behind() -> None:
    deps, shared = make_deps(), SharedReadings()

    async def failing() -> int:
        raise ValueError("no such page")

    async def ask(page: int) -> None:
        with pytest.raises(ValueError, match="no such page"):
            await shared.read(("trades", page), deps, failing)

    await ask(0)
    before = _locks_alive()
    for page in range(1, 200):
        await ask(page)

    assert _locks_alive() - before < 10
    assert await shared.read(("trades", 0), deps, Reading()) == 1


def _locks_alive() -> int:
    gc.collect()
    return sum(isinstance(one, asyncio.Lock) for one in gc.get_objects())
