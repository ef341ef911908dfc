"""What the analytics read: one week as plain values, from stored facts or from a simulation.

A week lasts from its entry, the first prices at which its trades could be filled, to the entry of
the week after, or to the newest prices while it runs. Money is Decimal US dollars, quantities are
signed whole shares, instants are aware, and everything is in order of time, oldest first.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from council.model.checkpoint import Action, Checkpoint
from council.model.decision import Decision
from council.model.pitch import Pitch
from council.model.review import Review
from council.model.ticket import LegName, Ticket

T = TypeVar("T")


class Moment(StrEnum):
    """At which point of the week something was marked."""

    ENTRY = "entry"
    SLOT = "slot"
    CLOSE = "close"
    NEXT_ENTRY = "next_entry"


@dataclass(frozen=True, slots=True)
class PriceMark:
    """Prices a share at one instant, by symbol: the middle of the quote, or the close."""

    at: datetime
    moment: Moment
    prices: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class EquityMark:
    """What an account was worth at one instant, as its venue says.

    `long_usd` and `short_usd` are the values of its positions, the second zero or negative.
    """

    at: datetime
    moment: Moment
    equity_usd: Decimal
    long_usd: Decimal = Decimal(0)
    short_usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Fill:
    """What one order came to: signed shares, at their average price."""

    leg: LegName
    symbol: str
    quantity: int
    price: Decimal
    filled_at: datetime


class Verdict(StrEnum):
    """What became of a trade that was put before a person."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Trade:
    """A proposed trade with what a person and the venue made of it.

    `ticket` is the first one that was shown, so that its reference price is that of the proposal.
    """

    ticket: Ticket
    proposed_at: datetime
    verdict: Verdict
    decided_at: datetime | None = None
    """None while it waits."""
    checkpoint_id: UUID | None = None
    """The checkpoint that it came from; None for the trade of a pitch or of the decision."""
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckpointOutcome:
    """What came of one checkpoint.

    `is_warned` says that a rule of the pitch spoke for a change: a frozen indicator had crossed, or
    what ends the trade held.
    """

    checkpoint_id: UUID
    taken_at: datetime
    action: Action
    conviction_before: Decimal
    conviction_after: Decimal
    by_model: bool
    """Whether a model was asked; else the rules decided."""
    is_warned: bool

    @classmethod
    def of(cls, taken: Checkpoint) -> "CheckpointOutcome":
        """Return what came of the checkpoint `taken`: years of looks are kept, without readings."""
        return cls(
            checkpoint_id=taken.checkpoint_id,
            taken_at=taken.taken_at,
            action=taken.action,
            conviction_before=taken.conviction_before,
            conviction_after=taken.conviction_after,
            by_model=taken.decided_by == "model",
            is_warned=any(reading.crossed for reading in taken.indicators)
            or taken.invalidation_met,
        )


@dataclass(frozen=True, slots=True)
class AccountWeek:
    """One account's week; `positions` are those before its first fill, by symbol."""

    account: str
    marks: tuple[EquityMark, ...] = ()
    positions: Mapping[str, int] | None = None
    """None for none."""
    trades: tuple[Trade, ...] = ()
    checkpoints: tuple[CheckpointOutcome, ...] = ()
    home: str = ""
    """At which venue and under which number it was marked: another home's equity is other money."""

    @property
    def start_equity_usd(self) -> Decimal | None:
        """Return the first equity of the week, None where nothing was marked."""
        return self.marks[0].equity_usd if self.marks else None


@dataclass(frozen=True, slots=True)
class Week:
    """A week as far as it is known, accounts in the order of the configuration.

    `labels` names the account behind each label of the ballots; it may be left empty in a week
    without reviews.
    """

    week_id: str
    marks: tuple[PriceMark, ...]
    accounts: tuple[AccountWeek, ...] = ()
    pitches: tuple[Pitch, ...] = ()
    reviews: tuple[Review, ...] = ()
    labels: Mapping[str, str] | None = None
    decision: Decision | None = None
    _made: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, what: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` makes of this week alone, made once: a week never changes.

        Years of finished weeks are measured again with every new one.
        """
        if what not in self._made:
            self._made[what] = make()
        made: T = self._made[what]
        return made

    def account(self, nickname: str) -> AccountWeek | None:
        """Return the week of one account, None where it had none."""
        return next((found for found in self.accounts if found.account == nickname), None)

    def pitch_of(self, account: str) -> Pitch | None:
        """Return the pitch of `account`, None where it abstained."""
        return next((pitch for pitch in self.pitches if pitch.account == account), None)

    def entry_price(self, symbol: str) -> Decimal | None:
        """Return the price at the entry, None where `symbol` had none."""
        return self.marks[0].prices.get(symbol) if self.marks else None

    def end_price(self, symbol: str) -> Decimal | None:
        """Return the price at the end of the week, or the newest while it runs."""
        return self.marks[-1].prices.get(symbol) if self.marks else None

    def price_at(self, symbol: str, at: datetime) -> Decimal | None:
        """Return the newest price at `at`, or that of the entry for an instant before it."""
        known = [mark.prices[symbol] for mark in self.marks if symbol in mark.prices]
        past = [m.prices[symbol] for m in self.marks if symbol in m.prices and m.at <= at]
        return past[-1] if past else next(iter(known), None)
