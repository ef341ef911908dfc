"""What one process remembers of streams and prices, so that it reads on instead of again.

Nothing here is the truth. What is remembered is immutable up to its version: a look reads what came
after it, and a write still names the version that it builds on, so whoever remembers wrongly is
refused and forgets.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from broker.models import Bar

if TYPE_CHECKING:
    from council.context import WeekContext
    from council.llm.recorded_calls import RecordedCalls
    from council.results.gathering import KnownResults
    from council.trading.account_guard import AccountGuard
    from council.trading.account_legs import AccountLegs
    from council.trading.lifecycle import TradeState


@dataclass(frozen=True, slots=True)
class KnownBars:
    """One symbol's bars of closed sessions, oldest first, from `first_on` to `last_on`.

    `read_at` is when they were last compared with the source.
    """

    bars: tuple[Bar, ...]
    first_on: date
    last_on: date
    read_at: datetime


MOST_ENDED: Final = 500
"""Trades that are over; with one more all are forgotten, and read again where they are wanted."""


MarkKey = tuple[date, str, str | None]
"""A session's date, a slot, and whose equity was marked there; None for the prices."""

MOST_MARKED: Final = 5_000
"""Marks; with one more all are forgotten, and looked for again where they are wanted."""


@dataclass(slots=True)
class Remembered:
    """The newest week without its trades, its trades that are over, the accounts, closed bars.

    Then what was marked, and of what was not the reason, as a clause; results, and calls to models.
    """

    week: "WeekContext | None" = None
    ended: "dict[UUID, TradeState]" = field(default_factory=dict)
    ledgers: "dict[str, tuple[AccountLegs, AccountGuard]]" = field(default_factory=dict)
    bars: dict[str, KnownBars] = field(default_factory=dict)
    marked: set[MarkKey] = field(default_factory=set)
    unmarked: dict[MarkKey, str] = field(default_factory=dict)
    opening_tried_on: date | None = None
    """The session whose opening an executor last tried to mark for all accounts at once."""
    results: "KnownResults | None" = None
    """The facts behind the results of weeks that are not finished, and what came of the others."""
    calls: "RecordedCalls | None" = None

    def week_of(self, week_id: str) -> "WeekContext | None":
        """Return what is remembered of the week; another week's trades are forgotten."""
        if self.week is not None and self.week.week_id == week_id:
            return self.week
        self.forget_week()
        return None

    def keep_ended(self, trade: "TradeState") -> None:
        """Remember a trade that is over, to which nothing can be added."""
        if len(self.ended) >= MOST_ENDED:
            self.ended.clear()
        self.ended[trade.trade_id] = trade

    def keep_marked(self, keys: Iterable[MarkKey]) -> None:
        """Remember what was marked, which is never marked again."""
        if len(self.marked) >= MOST_MARKED:
            self.marked.clear()
        self.marked.update(keys)

    def keep_unmarked(self, key: MarkKey, reason: str) -> None:
        """Remember why something was not marked, or what is odd about it."""
        if len(self.unmarked) >= MOST_MARKED:
            self.unmarked.clear()
        self.unmarked[key] = reason

    def forget_week(self) -> None:
        """Read the week from its beginning next time."""
        self.week = None
        self.ended.clear()
