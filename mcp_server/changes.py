"""Which resources an event changes, and where in the log the newest events begin."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from council.result_facts import PostmortemAbstained, PostmortemWritten
from council.steps import STEPS
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


async def position_at(app: App, began_at: datetime) -> int:
    """Return the position after which every event was stored at `began_at` or later."""
    head = await app.deps.store.head()
    position = max(0, head - _LOOK_BACK)
    async for event in app.deps.store.read_all(position):
        if event.timestamp >= began_at - _SKEW:
            break
        position = event.position
    return position


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
