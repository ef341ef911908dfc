"""What was asked to run and is still wanted, as every process that follows a run sees it.

A run is asked for once, however often that is said. Taking it back stops it between two stages, in
whatever process it runs; asking again afterwards is a new request for the same run.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from council.codec import to_fact
from council.errors import Overtaken
from council.ports import Deps
from council.run_facts import RunCancelled, RunFact, RunRequested
from council.trading.journal import record
from store.events import StoredEvent
from store.ports import EventStore


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The newest request for a run, the one with `number`; `changed_at` is when it last changed."""

    run_id: str
    number: int
    query: str | None
    requested_at: datetime
    changed_at: datetime
    is_cancelled: bool


async def requests_of(run_id: str, store: EventStore) -> tuple[RunRequest, ...]:
    """Return every request for a run, oldest first."""
    found: list[RunRequest] = []
    for event in await store.read_stream(f"request-{run_id}"):
        fact = to_fact(event)
        if isinstance(fact, RunRequested):
            found.append(_requested(fact, event))
        elif isinstance(fact, RunCancelled):
            found[-1] = replace(found[-1], changed_at=event.timestamp, is_cancelled=True)
    return tuple(found)


async def newest_request(run_id: str, store: EventStore) -> RunRequest | None:
    """Return the newest request for a run, or None where nobody ever asked for it."""
    return next(reversed(await requests_of(run_id, store)), None)


async def request_run(run_id: str, week_id: str, deps: Deps, *, query: str | None = None) -> None:
    """Store that the run is wanted; nothing where it is already."""
    newest = await newest_request(run_id, deps.store)
    if newest is None or newest.is_cancelled:
        number = newest.number + 1 if newest else 1
        fact = RunRequested(week_id=week_id, run_id=run_id, number=number, query=query)
        await _store(fact, deps, version=2 * (number - 1))


async def cancel_run(run_id: str, week_id: str, deps: Deps) -> None:
    """Store that the run is no longer wanted; nothing where it never was or is not any more."""
    newest = await newest_request(run_id, deps.store)
    if newest is not None and not newest.is_cancelled:
        fact = RunCancelled(week_id=week_id, run_id=run_id, number=newest.number)
        await _store(fact, deps, version=2 * newest.number - 1)


def still_wanted(run_id: str, store: EventStore) -> Callable[[], Awaitable[bool]]:
    """Return what a run asks between its stages."""

    async def wanted() -> bool:
        newest = await newest_request(run_id, store)
        return newest is None or not newest.is_cancelled

    return wanted


async def _store(fact: RunFact, deps: Deps, *, version: int) -> None:
    """Append `fact` at the stream's `version`: requests and cancellations take turns there."""
    try:
        await record(deps, [fact], {fact.stream: version})
    except Overtaken:
        return  # Somebody else has just said the same.


def _requested(fact: RunRequested, event: StoredEvent) -> RunRequest:
    return RunRequest(
        run_id=fact.run_id,
        number=fact.number,
        query=fact.query,
        requested_at=event.timestamp,
        changed_at=event.timestamp,
        is_cancelled=False,
    )
