"""Many things at once, all or nothing: what goes wrong comes out as itself, not as a group."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

_Result = TypeVar("_Result")


async def all_at_once(calls: Sequence[Coroutine[Any, Any, _Result]]) -> tuple[_Result, ...]:
    """Run `calls` together and return their results in the same order.

    The first that raises cancels the others, and its exception is raised here.
    """
    failure = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except BaseExceptionGroup as failures:
        failure = _first(failures)
    if failure is not None:
        raise failure  # outside of the except: its own cause stays its cause
    return tuple(task.result() for task in tasks)


@asynccontextmanager
async def meanwhile(call: Coroutine[Any, Any, _Result]) -> AsyncIterator["asyncio.Task[_Result]"]:
    """Run `call` beside the block, which may await it; what is not over at its end is cancelled.

    A failure of it is raised only to whoever awaits it.
    """
    running = asyncio.create_task(call)
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
