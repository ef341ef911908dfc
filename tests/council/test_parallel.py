import asyncio

import pytest

from config.errors import UnreachableError
from council.parallel import all_at_once


async def test_results_come_in_the_order_of_the_calls() -> None:
    first_may_go = asyncio.Event()

    async def slow() -> str:
        await first_may_go.wait()
        return "slow"

    async def quick() -> str:
        first_may_go.set()
        return "quick"

    assert await all_at_once([slow(), quick()]) == ("slow", "quick")


async def test_a_failure_comes_out_as_itself_with_its_cause_and_stops_the_others() -> None:
    stopped = []

    async def failing() -> None:
        raise UnreachableError("away") from OSError("no route")

    async def waiting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append("waiting")

    with pytest.raises(UnreachableError, match="away") as caught:
        await all_at_once([waiting(), failing()])

    assert isinstance(caught.value.__cause__, OSError)
    assert stopped == ["waiting"]


async def test_a_cancelled_caller_cancels_every_call() -> None:
    stopped = []

    async def waiting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append("waiting")

    task = asyncio.create_task(all_at_once([waiting(), waiting()]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert stopped == ["waiting", "waiting"]
