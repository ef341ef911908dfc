"""How a tool starts a run, follows it and tells where it stands, whatever it is that runs.

A run may outlive the process that began it: whoever follows it carries it on where nobody works on
it any more. Only what was asked for is carried on, so that following never begins anything, and
what was taken back stays where it is. Waiting for a run never holds it up: the call may be
cancelled, the run goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, TypeVar

from council.ports import Progress
from council.run_requests import RunRequest, newest_request, request_run, still_wanted
from mcp_server.host import Host
from mcp_server.progress import Journey, Listener, telling
from mcp_server.tools.results import RunState
from mcp_server.wiring import App

_NEXT_LOOK = timedelta(seconds=1)
"""How long to wait before asking again whether another process still works on the run."""
_NO_PATIENCE = timedelta(0)

Stored = TypeVar("Stored")


@dataclass(frozen=True, slots=True)
class Reached(Generic[Stored]):
    """How far a run is in the store: what is stored, whether it began and whether it is over."""

    stored: Stored
    has_begun: bool
    is_done: bool
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Run(Generic[Stored]):
    """One run: its name in every process, what does it, and what reads how far it is.

    Of the runs with one `key` a process works on one at a time. `ends_with_task`: that it is over
    is not stored, so that it is over once the task of this process is.
    """

    run_id: str
    key: str
    week_id: str
    journey: Journey
    work: Callable[[App, str | None], Awaitable[object]]
    read: Callable[[App], Awaitable[Reached[Stored]]]
    ends_with_task: bool = False


@dataclass(frozen=True, slots=True)
class Standing(Generic[Stored]):
    """Where a run stands, and the sentence with which it failed in this process, if it did."""

    run: Run[Stored]
    app: App
    stored: Stored
    has_begun: bool
    is_done: bool
    state: RunState
    request: RunRequest | None
    failure: str | None


async def begun(
    host: Host, run: Run[Stored], listener: Listener, *, query: str | None = None
) -> Standing[Stored]:
    """Start the run in the background, wait a moment, and tell where it stands.

    What is still under way then is stored as asked for: any process that is told the run's id can
    carry it on, even where nothing else is stored of it yet.
    """
    app = await host.app()
    standing = await _standing(host, app, run)
    if standing.is_done:
        return standing
    if standing.request is not None and standing.request.is_cancelled:
        await request_run(run.run_id, run.week_id, app.deps, query=query)
    for _ in range(2):
        _start(host, app, run, query=query)
        async with _telling(host, app, run, listener):
            await host.runs.wait(run.key, host.pace.first_look)
        standing = await _standing(host, app, run)
        # Unfinished without a failure: the task at work was just stopping, as it was told before.
        if standing.state != "unfinished" or standing.failure is not None:
            break
    if standing.state != "running":
        return standing
    await request_run(run.run_id, run.week_id, app.deps, query=query)
    return replace(standing, request=await newest_request(run.run_id, app.deps.store))


async def followed(
    host: Host, run: Run[Stored], listener: Listener, *, patience: timedelta
) -> Standing[Stored]:
    """Carry the run on where nobody works on it, wait for its end, and tell where it stands."""
    app = await host.app()
    over = await _carried_on(host, app, run, patience=_NO_PATIENCE)
    if over is None:
        async with _telling(host, app, run, listener):
            with suppress(TimeoutError):
                async with asyncio.timeout(patience.total_seconds()):
                    while (over := await _carried_on(host, app, run, patience=patience)) is None:
                        if not host.runs.has_ended(run.key):  # another process may be at work
                            await app.deps.clock.sleep(_NEXT_LOOK)
    return over or await _standing(host, app, run)


async def looked_at(host: Host, run: Run[Stored]) -> Standing[Stored]:
    """Tell where the run stands, and carry nothing on."""
    return await _standing(host, await host.app(), run)


async def _carried_on(
    host: Host, app: App, run: Run[Stored], *, patience: timedelta
) -> Standing[Stored] | None:
    """Resume the run if need be and wait for this process's part; None while there is more.

    Where there is nothing more to await, it is how the run stands. A failure in this process is
    told rather than tried again: only who starts the run does that.
    """
    standing = await _standing(host, app, run)
    is_over = standing.state in ("finished", "cancelled") or standing.failure is not None
    if is_over or not (standing.has_begun or standing.request is not None):
        return standing
    _start(host, app, run, query=standing.request.query if standing.request else None)
    await host.runs.wait(run.key, patience)
    return None


def _start(host: Host, app: App, run: Run[Stored], *, query: str | None) -> None:
    """Let a task do the run, told apart by its news and stopped by whoever takes it back."""
    wanted = still_wanted(run.run_id, app.deps.store)
    deps = replace(app.deps, tell=host.runs.news(run.key).tell, still_wanted=wanted)
    host.runs.start(run.key, lambda: run.work(replace(app, deps=deps), query), run_id=run.run_id)


async def _standing(host: Host, app: App, run: Run[Stored]) -> Standing[Stored]:
    request = await newest_request(run.run_id, app.deps.store)
    reached = await run.read(app)
    return Standing(
        run=run,
        app=app,
        stored=reached.stored,
        has_begun=reached.has_begun,
        is_done=reached.is_done,
        state=_state(host, run, reached, request=request),
        request=request,
        failure=None if reached.is_done else host.runs.failure_of(run.key, run.run_id),
    )


def _state(
    host: Host, run: Run[Stored], reached: Reached[Stored], *, request: RunRequest | None
) -> RunState:
    """Tell from the store, and from this process's task, who is at work, if anyone."""
    runs = host.runs
    if reached.is_done:
        return "finished"
    if request is not None and request.is_cancelled:
        return "cancelled"
    if run.ends_with_task and runs.has_ended(run.key):
        return "finished"
    return "running" if runs.is_running(run.key) or runs.is_elsewhere(run.key) else "unfinished"


def _telling(
    host: Host, app: App, run: Run[Stored], listener: Listener
) -> AbstractAsyncContextManager[None]:
    async def stored() -> Progress | None:
        return (await run.read(app)).progress

    return telling(
        listener,
        run.journey,
        news=host.runs.news(run.key),
        stored=stored,
        keep_alive=host.pace.keep_alive,
    )
