"""Every order of an account, folded from the account's stream, and the ledger that adds to it.

The stream's version is the account's lock: whoever appends has seen all that happened before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Final
from uuid import UUID

from broker.models import OrderStatus
from config.clock import NEW_YORK
from council.codec import to_fact
from council.errors import Overtaken
from council.model.ticket import TicketLeg
from council.ports import Deps
from council.trade_facts import (
    AccountFact,
    CancelRequested,
    LegClosed,
    LegFact,
    LegIntended,
    OrderAccepted,
    OrderProgressed,
    OrderRefused,
    SubmitAttempted,
    SubmitUnknown,
    TradeFact,
)
from council.trading.account_guard import AccountGuard, fold_guard
from council.trading.journal import record
from store.events import StoredEvent

_Key = str | int | date | None

_CHAPTER: Final = 32
"""Orders: about as many as an account sends in a quarter of a year."""

_ID: Final = attrgetter("intended.client_order_id")
_TRADE: Final = attrgetter("intended.trade_id.int")
_WEEK: Final = attrgetter("intended.week_id")
_DAY: Final = attrgetter("sent_on")
_ASKED: Final[tuple[Callable[["LegState"], _Key], ...]] = (_ID, _TRADE, _WEEK, _DAY)
"""By what orders are asked for; a number is hashed faster than the id that it is of."""


@dataclass(frozen=True, slots=True)
class LegState:
    """One order from its intent on; `filled` is cumulative, in whole shares.

    `doubted` is the newest refusal that may be about a second copy of an order which arrived;
    `seen` holds every status with its fills that was recorded.
    """

    intended: LegIntended
    intended_at: datetime
    attempts: int = 0
    attempted_at: datetime | None = None
    accepted: OrderAccepted | None = None
    refused: OrderRefused | None = None
    doubted: SubmitUnknown | None = None
    seen: frozenset[tuple[OrderStatus, int]] = frozenset()
    filled: int = 0
    average_price: Decimal | None = None
    closed: LegClosed | None = None
    cancel: CancelRequested | None = None
    cancel_at: datetime | None = None

    @property
    def client_order_id(self) -> str:
        """Return the id that the venue dedupes by."""
        return self.intended.client_order_id

    @property
    def sent_on(self) -> date | None:
        """Return the New York day on which the order was sent, for the last time so far."""
        return self.attempted_at.astimezone(NEW_YORK).date() if self.attempted_at else None

    @property
    def line(self) -> TicketLeg:
        """Return the order as a line of a ticket."""
        intended = self.intended
        return TicketLeg(
            leg=intended.leg,
            symbol=intended.symbol,
            side=intended.side,
            quantity=intended.quantity,
            position_intent=intended.position_intent,
        )


@dataclass(frozen=True, slots=True)
class _Chapter:
    """Orders that are over, oldest first, and where they stand by all that they are asked for."""

    legs: tuple[LegState, ...]
    places: Mapping[_Key, tuple[int, ...]]

    @classmethod
    def of(cls, legs: Sequence[LegState]) -> "_Chapter":
        places: dict[_Key, tuple[int, ...]] = {}
        for place, leg in enumerate(legs):
            for asked in _ASKED:
                key = asked(leg)
                places[key] = (*places.get(key, ()), place)
        return cls(tuple(legs), places)

    def found(self, key: _Key) -> Iterator[LegState]:
        """Yield the legs that are asked for by `key`."""
        return (self.legs[place] for place in self.places.get(key, ()))


@dataclass(frozen=True, slots=True)
class AccountLegs:
    """The account's orders, oldest first; `version` is that of its stream.

    The `newest` are those under way and some before them. What is older lies in chapters, so that
    years of orders are neither copied with every event nor looked through.
    """

    version: int = 0
    chapters: tuple[_Chapter, ...] = ()
    newest: tuple[LegState, ...] = ()

    def leg(self, client_order_id: str) -> LegState:
        """Return the leg with this id, which must have been intended."""
        found = self.known(client_order_id)
        if found is None:
            raise LookupError(f"order {client_order_id} was never intended")
        return found

    def known(self, client_order_id: str) -> LegState | None:
        """Return the leg with this id, None where it was never intended."""
        return next(iter(self._of(client_order_id, _ID)), None)

    def of_trade(self, trade_id: UUID) -> tuple[LegState, ...]:
        """Return the legs of one trade, oldest first."""
        return self._of(trade_id.int, _TRADE)

    def of_week(self, week_id: str) -> tuple[LegState, ...]:
        """Return the legs intended for one week, oldest first."""
        return self._of(week_id, _WEEK)

    def sent_on(self, day: date) -> tuple[LegState, ...]:
        """Return the legs that were sent, for the last time so far, on a New York day."""
        return self._of(day, _DAY)

    @property
    def unfinished(self) -> LegState | None:
        """Return the order that is still under way; an account has at most one."""
        return next((leg for leg in self.newest if leg.closed is None), None)

    def _of(self, key: _Key, asked: Callable[[LegState], _Key]) -> tuple[LegState, ...]:
        older = (leg for chapter in self.chapters for leg in chapter.found(key))
        return (*older, *(leg for leg in self.newest if asked(leg) == key))


def fold_legs(state: AccountLegs, events: Iterable[StoredEvent]) -> AccountLegs:
    """Return `state` with `events` of the account's stream in it; other kinds move the version."""
    chapters, newest, version = list(state.chapters), list(state.newest), state.version
    for event in events:
        fact, version = to_fact(event), event.version
        if isinstance(fact, LegIntended):
            newest.append(LegState(fact, event.timestamp))
        elif isinstance(fact, LegFact) and not _stepped(newest, fact, at=event.timestamp):
            for number, chapter in enumerate(chapters):
                legs = list(chapter.legs)
                if _stepped(legs, fact, at=event.timestamp):
                    chapters[number] = _Chapter.of(legs)
    while len(newest) >= 2 * _CHAPTER and all(leg.closed for leg in newest[:_CHAPTER]):
        chapters.append(_Chapter.of(newest[:_CHAPTER]))
        del newest[:_CHAPTER]
    return AccountLegs(version, tuple(chapters), tuple(newest))


def _stepped(legs: list[LegState], fact: LegFact, *, at: datetime) -> bool:
    """Change the leg that `fact` is about; whether it is among `legs`."""
    for place in range(len(legs) - 1, -1, -1):
        if legs[place].client_order_id == fact.client_order_id:
            legs[place] = _step(legs[place], fact, at=at)
            return True
    return False


def _step(leg: LegState, fact: LegFact, *, at: datetime) -> LegState:
    match fact:
        case SubmitAttempted():
            leg = replace(leg, attempts=fact.number, attempted_at=at)
        case SubmitUnknown() if fact.refused_code is not None:
            leg = replace(leg, doubted=fact)
        case OrderAccepted():
            leg = replace(leg, accepted=fact)
        case OrderRefused():
            leg = replace(leg, refused=fact)
        case OrderProgressed():
            seen = leg.seen | {(fact.status, fact.filled_quantity)}
            filled, price = fact.filled_quantity, fact.average_price
            leg = replace(leg, seen=seen, filled=filled, average_price=price)
        case CancelRequested():
            leg = replace(leg, cancel=fact, cancel_at=at)
        case LegClosed():
            leg = replace(leg, closed=fact, filled=fact.filled_quantity)
        case _:
            pass
    return leg


class AccountLedger:
    """One account's stream during one cycle: what was read and what the cycle adds to it."""

    def __init__(self, deps: Deps, account: str) -> None:
        self._deps = deps
        self._stream = f"account-{account}"
        self.account = account
        known = deps.remembered.ledgers.get(account)
        self.legs, self.guard = known or (AccountLegs(), AccountGuard())

    @classmethod
    async def opened(cls, deps: Deps, account: str) -> "AccountLedger":
        """Read the account's stream, from where this process last left it."""
        ledger = cls(deps, account)
        await ledger.refresh()
        return ledger

    async def refresh(self) -> None:
        """Read what others wrote meanwhile."""
        self._fold(await self._deps.store.read_stream(self._stream, self.legs.version))

    async def write(
        self,
        *facts: LegFact | AccountFact,
        trade: Sequence[TradeFact] = (),
        trade_version: int = 0,
        parent: UUID | None = None,
    ) -> None:
        """Append `facts` here and, in the same transaction, those of `trade` at its version.

        Raises:
            Overtaken: one of the two streams has moved on; nothing was written.
        """
        versions = {self._stream: self.legs.version}
        versions |= {fact.stream: trade_version for fact in trade}
        try:
            stored = await record(self._deps, (*trade, *facts), versions, parent=parent)
            own = [event for event in stored if event.stream == self._stream]
            self._check_next(own)
        except Overtaken:
            self._deps.remembered.ledgers.pop(self.account, None)
            raise
        self._fold(own)

    def _check_next(self, events: Sequence[StoredEvent]) -> None:
        """Refuse what another process wrote in the very same words, after events unread here."""
        first = self.legs.version + 1
        if [event.version for event in events] != list(range(first, first + len(events))):
            raise Overtaken("Another process wrote first; try again.")

    def _fold(self, events: Sequence[StoredEvent]) -> None:
        self.legs = fold_legs(self.legs, events)
        self.guard = fold_guard(self.guard, events)
        self._deps.remembered.ledgers[self.account] = (self.legs, self.guard)
