"""Which resources the log's newest events change, told for ever as the log grows."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from council.result_facts import PostmortemAbstained, PostmortemWritten
from council.steps import STEPS
from mcp_server import operations
from mcp_server.addresses import (
    CURRENT_WEEK_URI,
    POSTMORTEM_PAGE_URI,
    POSTMORTEM_URI,
    RUN_URI,
    STATUS_URI,
    TRADE_URI,
    WEEK_URI,
)
from mcp_server.asking import RUN_PREFIX
from mcp_server.runs import run_id_for
from mcp_server.wiring import App
from store.events import StoredEvent

_LOOK_BACK = 50
"""How many events before the beginning are looked at for such as came while it was opened."""
_POSTMORTEMS = frozenset({PostmortemWritten.__name__, PostmortemAbstained.__name__})
_SKEW = timedelta(seconds=2)
"""By how much the clocks of two machines may differ."""


@dataclass(frozen=True, slots=True)
class Change:
    """The resources that one event changes, and the event's position in the log."""

    position: int
    uris: tuple[str, ...]


async def changes_since(app: App, began_at: datetime) -> AsyncIterator[Change]:
    """Yield what events stored since `began_at` change, then for ever what each new one does."""
    head = await app.deps.store.head()
    async for event in app.deps.store.read_all(max(0, head - _LOOK_BACK)):
        head = event.position
        if event.timestamp >= began_at - _SKEW:
            yield _change(app, event)
    async for change in changes_after(app, head):
        yield change


async def changes_after(app: App, position: int) -> AsyncIterator[Change]:
    """Yield for ever what each event after `position` changes; a lost database is waited for."""
    subscribed = cast(AsyncGenerator[StoredEvent, None], app.deps.store.subscribe(position))
    # Closed at once and not when it is collected: it holds a connection.
    async with aclosing(subscribed) as events:
        async for event in events:
            yield _change(app, event)


def _change(app: App, event: StoredEvent) -> Change:
    uris = resources_of(event, current_week=operations.week_in_force(app))
    return Change(event.position, tuple(uris))


def resources_of(event: StoredEvent, *, current_week: str) -> Iterator[str]:
    """Yield the addresses of the resources that `event` changes."""
    kind, _, name = event.stream.partition("-")
    if kind == "ask":
        yield RUN_URI.format(run_id=RUN_PREFIX + name)
    if kind in {"week", "trade", "account"}:
        yield STATUS_URI
    if kind in {"week", "trade", "account", "llm"} and event.week_id:
        yield from _week_resources(event.week_id)
        if event.week_id == current_week:
            yield CURRENT_WEEK_URI
    if event.event_type in _POSTMORTEMS and event.week_id:
        for uri in (POSTMORTEM_URI, POSTMORTEM_PAGE_URI):
            yield uri.format(week_id=event.week_id)
    if trade_id := event.payload.get("trade_id"):
        yield TRADE_URI.format(trade_id=trade_id)
    if run_id := event.payload.get("run_id"):
        yield RUN_URI.format(run_id=run_id)


def _week_resources(week_id: str) -> Iterator[str]:
    yield WEEK_URI.format(week_id=week_id)
    yield RUN_URI.format(run_id=run_id_for(week_id))
    for step in STEPS:
        yield RUN_URI.format(run_id=run_id_for(week_id, step))
