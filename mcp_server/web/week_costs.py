"""What the calls of a week to models cost, remembered so that a list of weeks stays quick.

Facts never change: what is remembered up to a version of a stream is true for ever, and only what
came after it is read.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from council.codec import to_fact
from council.events import ModelCalled
from council.llm.spending import Spending
from store.events import StoredEvent
from store.ports import EventStore

MOST_WEEKS: Final = 1_000
"""How many weeks are remembered at a time: twenty years of them."""
_NOTHING: Final = Spending()


@dataclass(frozen=True, slots=True)
class WeekCalls:
    """The calls of a week up to `version` of their stream, and when the newest was stored."""

    version: int = 0
    spending: Spending = _NOTHING
    newest_at: datetime | None = None

    def plus(self, event: StoredEvent) -> "WeekCalls":
        """Return the same with one more event of the stream."""
        fact = to_fact(event)
        spending = self.spending.plus(fact) if isinstance(fact, ModelCalled) else self.spending
        return WeekCalls(event.version, spending, event.timestamp)


class KnownCalls:
    """The calls of the weeks that were asked for, those of the weeks asked for last."""

    def __init__(self) -> None:
        self._known: dict[str, WeekCalls] = {}

    async def of(self, week_id: str, store: EventStore) -> WeekCalls:
        """Return the calls of a week until now."""
        calls = self._known.pop(week_id, WeekCalls())
        for event in await store.read_stream(f"llm-{week_id}", calls.version):
            calls = calls.plus(event)
        self._known[week_id] = calls
        for oldest in tuple(self._known)[:-MOST_WEEKS]:
            del self._known[oldest]
        return calls


def cost_words(spending: Spending) -> str:
    """Return what calls cost in words; "unknown" is never written as 0."""
    if not spending.calls:
        return "no calls"
    if spending.unknown:
        calls = "one call" if spending.unknown == 1 else f"{spending.unknown} calls"
        return f"{spending.known_usd:,.2f} USD or more ({calls} of unknown cost)"
    return f"{spending.known_usd:,.2f} USD"
