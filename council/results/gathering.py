"""Gathers the facts that results stand on, reading on from where this process was.

One cursor over the whole log serves all weeks. The facts of a week that is finished are dropped for
what was made of them; should another one come after all, everything is read again.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

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

if TYPE_CHECKING:
    from council.week_results import Results

T = TypeVar("T")

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

    `books` reach over as many of the finished weeks as were priced. `latest` is what all facts up
    to `position` came to, None until somebody asks. Who reads on or measures holds the `turn`.
    """

    position: int = 0
    newest_at: datetime | None = None
    facts: dict[str, list[Dated]] = field(default_factory=dict)
    finished: dict[str, WeekRecord] = field(default_factory=dict)
    measured: dict[str, tuple[AccountResults, ...]] = field(default_factory=dict)
    books: tuple[Book, ...] = ()
    latest: "Results | None" = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False, repr=False)

    async def read_on(self, store: EventStore, *, in_thread: bool = False) -> None:
        """Add what was stored since the last time."""
        found = await _events(store, self.position)
        if any(event.week_id in self.finished for event in found):
            found = await _events(store, 0)
            self._forget()
        news = await done(lambda: [_dated(event) for event in found], in_thread=in_thread)
        if found:
            self._add(news, found[-1].position)

    def latest_at(self, until_at: datetime) -> "Results | None":
        """Return what all facts came to, where it is known and none of them is later."""
        return self.latest if self.newest_at is None or self.newest_at <= until_at else None

    def keep_latest(self, results: "Results") -> None:
        """Keep what the facts came to, unless some were too late to be counted."""
        if self.newest_at is None or self.newest_at <= results.until_at:
            self.latest = results

    def settle(self, record: WeekRecord) -> None:
        """Keep a finished week's record in place of its facts."""
        self.finished[record.week.week_id] = record
        del self.facts[record.week.week_id]

    def _forget(self) -> None:
        self.position, self.newest_at = 0, None
        self.books = ()
        for known in (self.facts, self.finished, self.measured):
            known.clear()

    def _add(self, news: Iterable[Dated], position: int) -> None:
        self.position, self.latest = position, None
        for dated in news:
            self.newest_at = max(self.newest_at or dated.at, dated.at)
            self.facts.setdefault(dated.fact.week_id, []).append(dated)


async def done(work: Callable[[], T], *, in_thread: bool) -> T:
    """Return what `work` returns; in a thread, others go on meanwhile."""
    if not in_thread:
        return work()
    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        # A thread cannot be stopped: whoever has the next turn must not meet it at its work.
        await asyncio.wait((working,))
        raise


async def _events(store: EventStore, after_position: int) -> list[StoredEvent]:
    return [event async for event in store.read_all(after_position, event_types=_KINDS)]


def _dated(event: StoredEvent) -> Dated:
    """Return the fact with the instant from which on it counts."""
    fact, stored_at = to_fact(event), event.timestamp
    if isinstance(fact, PricesMarked | EquityMarked):
        return Dated(fact, max(stored_at, fact.marked_at))
    return Dated(fact, stored_at)
