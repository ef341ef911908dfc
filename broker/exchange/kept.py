"""What is remembered of an account between two requests, so that a look reads only what is new.

Nothing here is the truth: the database is. Whatever happens to an order leaves an entry in the
journal in the same transaction, so an account whose newest entry is the remembered one has not
changed, whoever else serves it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from broker.exchange.ledger import Ledger
from broker.exchange.orders import BookFill


@dataclass(frozen=True, slots=True)
class Opening:
    """What an account started with, its settings as JSON text, and how far its journal reaches.

    `version` is the sequence of the journal's newest entry, 0 for an empty journal.
    """

    starting_cash: Decimal
    opened_at: datetime
    configuration: str
    version: int

    def continues(self, earlier: "Opening") -> bool:
        """Return whether this is the account of `earlier`, then or later."""
        began = (self.starting_cash, self.opened_at)
        return began == (earlier.starting_cash, earlier.opened_at) and (
            self.version >= earlier.version
        )


@dataclass(frozen=True, slots=True)
class FillBook:
    """Every fill of an account, oldest first, and the ledger before the first and after each.

    `sequence` is that of the newest row among them.
    """

    fills: tuple[BookFill, ...]
    ledgers: tuple[Ledger, ...]
    sequence: int = 0

    @classmethod
    def empty(cls, starting_cash: Decimal) -> "FillBook":
        """Return the book of an account that has not traded yet."""
        return cls((), (Ledger(starting_cash, {}),))

    @property
    def ledger(self) -> Ledger:
        """Return cash and holdings after every fill."""
        return self.ledgers[-1]

    def ledger_by(self, at: datetime) -> Ledger:
        """Return cash and holdings after the fills up to and including `at`."""
        return self.ledgers[bisect_right(self.fills, at, key=attrgetter("filled_at"))]

    def takes(self, later: Sequence[BookFill]) -> bool:
        """Return whether `later` come after all that are here: otherwise all are read again."""
        if not (later and self.fills):
            return True
        return later[0].filled_at >= self.fills[-1].filled_at

    def grown(self, later: Iterable[BookFill], sequence: int) -> "FillBook":
        """Return the book with `later` at its end."""
        fills, ledgers = list(self.fills), list(self.ledgers)
        for fill in later:
            fills.append(fill)
            ledgers.append(ledgers[-1].after(fill))
        return FillBook(tuple(fills), tuple(ledgers), sequence)


@dataclass(frozen=True, slots=True)
class Kept:
    """An account as its rows stood at `opening.version`; quiet where no order could change."""

    opening: Opening
    book: FillBook
    is_quiet: bool
