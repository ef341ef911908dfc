"""Gathers the facts that results stand on, reading on from where this process was.

One cursor over the whole log serves all weeks. The facts of a week that is finished are dropped for
what was made of them; should another one come after all, everything is read again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from council.analytics.results import AccountResults
from council.analytics.shadow_books import Book
from council.codec import to_fact
from council.events import (
    CheckpointTaken,
    DecisionReached,
    PitchMade,
    ReviewMade,
    SnapshotTaken,
    WeekStarted,
)
from council.fact import Fact
from council.result_facts import EquityMarked, PricesMarked
from council.results.building import WeekRecord
from council.results.trades import Dated
from council.trade_facts import (
    ApprovalRevoked,
    ApprovalVoided,
    LegClosed,
    LegIntended,
    OrderProgressed,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
)
from store.events import StoredEvent
from store.ports import EventStore

_READ: tuple[type[Fact], ...] = (
    WeekStarted,
    SnapshotTaken,
    PitchMade,
    ReviewMade,
    DecisionReached,
    CheckpointTaken,
    TradeProposed,
    TradeApproved,
    TradeRejected,
    TradeExpired,
    ApprovalVoided,
    ApprovalRevoked,
    TradeCompleted,
    TradeIncomplete,
    LegIntended,
    OrderProgressed,
    LegClosed,
    PricesMarked,
    EquityMarked,
)
_KINDS = tuple(kind.__name__ for kind in _READ)


@dataclass(slots=True)
class KnownResults:
    """The facts up to `position`, by week; of finished weeks their records and what they measured.

    `books` reach over as many of the finished weeks as were priced.
    """

    position: int = 0
    newest_at: datetime | None = None
    facts: dict[str, list[Dated]] = field(default_factory=dict)
    finished: dict[str, WeekRecord] = field(default_factory=dict)
    measured: dict[str, tuple[AccountResults, ...]] = field(default_factory=dict)
    books: tuple[Book, ...] = ()

    async def read_on(self, store: EventStore) -> None:
        """Add what was stored since the last time."""
        found = await _events(store, self.position)
        if any(event.week_id in self.finished for event in self._news(found)):
            found = await _events(store, 0)
            self._forget()
        # Nothing awaits from here on.
        self._add(self._news(found))

    def settle(self, record: WeekRecord) -> None:
        """Keep a finished week's record in place of its facts."""
        self.finished[record.week.week_id] = record
        del self.facts[record.week.week_id]

    def _news(self, found: Iterable[StoredEvent]) -> list[StoredEvent]:
        """Leave out what another task has added while this one waited for it."""
        return [event for event in found if event.position > self.position]

    def _forget(self) -> None:
        self.position, self.newest_at = 0, None
        self.books = ()
        for known in (self.facts, self.finished, self.measured):
            known.clear()

    def _add(self, events: Iterable[StoredEvent]) -> None:
        for event in events:
            dated = _dated(to_fact(event), event.timestamp)
            self.position = event.position
            self.newest_at = max(self.newest_at or dated.at, dated.at)
            self.facts.setdefault(dated.fact.week_id, []).append(dated)


async def _events(store: EventStore, after_position: int) -> list[StoredEvent]:
    return [event async for event in store.read_all(after_position, event_types=_KINDS)]


def _dated(fact: Fact, stored_at: datetime) -> Dated:
    """Return the fact with the instant from which on it counts."""
    if isinstance(fact, PricesMarked | EquityMarked):
        return Dated(fact, max(stored_at, fact.marked_at))
    return Dated(fact, stored_at)
