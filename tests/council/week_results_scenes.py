"""A record of weeks in a store, told fact by fact: marks, pitches, trades and their fills."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from broker.models import OrderStatus, PositionIntent, Side, VenueName
from config.clock import VirtualClock
from config.ids import client_order_id_for, meaning_id, trade_id_for
from config.schema import Config
from council.anonymise import sealed_labels
from council.codec import to_event
from council.context import WeekContext
from council.events import DecisionReached, PitchMade, ReviewMade, SnapshotTaken, WeekStarted
from council.fact import Fact
from council.model.base import Direction
from council.model.pitch import Pitch
from council.model.ticket import Ticket, TicketLeg
from council.ports import Deps
from council.projections import project
from council.result_facts import EquityMarked, HeldPosition, PricesMarked
from council.trade_facts import (
    LegClosed,
    LegIntended,
    OrderProgressed,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeProposed,
    TradeRejected,
)
from store.events import NewEvent, StoredEvent, StreamWrite
from store.memory import MemoryEventStore
from tests.builders import (
    CHAIRMAN,
    MANAGERS,
    make_config,
    make_decision,
    make_leg,
    make_pitch,
    make_review,
    make_snapshot,
    make_ticket,
)
from tests.fakes import make_deps

T = TypeVar("T")

ACCOUNTS = (*MANAGERS, CHAIRMAN)
FIRST_ON = date(2026, 11, 18)
DAYS = (0, 1, 2, 5, 6)
"""The sessions of a week, as days after its Wednesday."""
_HOURS = {"open": "14:31", "09:00": "14:00", "12:00": "17:00", "14:00": "19:00", "close": "21:05"}
"""UTC."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in a test that is no coroutine."""
    return asyncio.run(work)


class CountingStore(MemoryEventStore):
    """Counts what it is asked for and how many events it gives."""

    def __init__(self) -> None:
        super().__init__(project)
        self.reads = 0
        self.given = 0

    async def read_all(
        self, after_position: int = 0, *, event_types: Sequence[str] | None = None
    ) -> AsyncIterator[StoredEvent]:
        """Yield events and count them."""
        self.reads += 1
        async for event in super().read_all(after_position, event_types=event_types):
            await asyncio.sleep(0)  # as a database would let other tasks run
            self.given += 1
            yield event


class Record:
    """Facts with the instants at which they were stored; prices are by symbol."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or make_config()
        self.told: list[NewEvent] = []
        self.streams: list[str] = []
        self.cash = dict.fromkeys(ACCOUNTS, Decimal(100_000))
        self.held: dict[str, Counter[str]] = {name: Counter() for name in ACCOUNTS}
        self.venues = dict.fromkeys(ACCOUNTS, VenueName.SIMULATED)

    def tell(self, fact: Fact, at: datetime) -> None:
        """Add a fact that was stored at `at`."""
        self.told.append(to_event(fact, at=at))
        self.streams.append(fact.stream)

    def begin(
        self,
        number: int = 0,
        *,
        accounts: Sequence[str] = ACCOUNTS,
        views: Mapping[str, tuple[str, float]] | None = None,
        decides: tuple[str, float] | None = None,
    ) -> None:
        """Begin a week in which `accounts` were asked and those in `views` pitched."""
        week_id, start_at = week_of(number), at(number, 0, "09:00")
        models = dict.fromkeys((*accounts, "research-A"), "vendor/model")
        self.tell(
            WeekStarted(
                week_id=week_id,
                config_hash="config-1",
                mode="rehearsal",
                query=None,
                models=models,
                degraded=(),
            ),
            start_at,
        )
        snapshot = make_snapshot(week_id=week_id)
        self.tell(SnapshotTaken(week_id=week_id, snapshot=snapshot), start_at)
        pitches = [pitch_of(name, number, *view) for name, view in (views or {}).items()]
        for pitch in pitches:
            made = PitchMade(week_id=week_id, account=pitch.account, pitch=pitch, outcome="valid")
            self.tell(made, start_at)
        if decides:
            self.decide(number, pitches, *decides)

    def decide(
        self, number: int, pitches: Sequence[Pitch], instrument: str, conviction: float
    ) -> None:
        """Let the chairman decide, the first of `pitches` being the best reviewed."""
        labels = sealed_labels(WeekContext(week_of(number), pitches=tuple(pitches)))
        authors = {label: pitch.account for label, pitch in labels.items()}
        decision = make_decision(
            week_id=week_of(number),
            instrument=instrument,
            direction=direction_of(conviction),
            conviction=Decimal(str(conviction)),
            dissent_summary=(),
            authors=authors,
            best_reviewed_label={name: label for label, name in authors.items()}[
                pitches[0].account
            ],
        )
        fact = DecisionReached(
            week_id=week_of(number), account=CHAIRMAN, decision=decision, outcome="valid"
        )
        self.tell(fact, at(number, 0, "09:00"))

    def review(self, number: int, reviewer: str, author: str, **changes: Any) -> None:
        """Let `reviewer` review the pitch of `author`."""
        week_id = week_of(number)
        review = make_review(
            reviewer,
            author,
            review_id=meaning_id("review", week_id, reviewer, author),
            week_id=week_id,
            pitch_id=meaning_id("pitch", week_id, author),
            **changes,
        )
        fact = ReviewMade(week_id=week_id, account=reviewer, review=review)
        self.tell(fact, at(number, 0, "09:00"))

    def mark(
        self,
        number: int,
        day: int,
        slot: str,
        prices: Mapping[str, float],
        *,
        accounts: Iterable[str] = ACCOUNTS,
        instant: datetime | None = None,
        **fields: Any,
    ) -> None:
        """Mark `prices` and what `accounts` are worth by them."""
        marked_at = instant or at(number, day, slot)
        session_on = FIRST_ON + timedelta(weeks=number, days=day)
        known = {symbol: Decimal(str(price)) for symbol, price in prices.items()}
        place: dict[str, Any] = {
            "week_id": week_of(number),
            "session_on": session_on,
            "slot": slot,
            "marked_at": marked_at,
        }
        if prices:
            self.tell(PricesMarked(**place, source="synthetic", prices=known), marked_at)
        for name in accounts:
            self.tell(self._equity(name, known, {**place, **fields}), marked_at)

    def _equity(self, name: str, prices: Mapping[str, Decimal], place: dict[str, Any]) -> Fact:
        positions = tuple(
            HeldPosition(symbol=s, quantity=q, price=prices[s], market_value_usd=q * prices[s])
            for s, q in sorted(self.held[name].items())
            if q
        )
        worth = self.cash[name] + sum((p.market_value_usd for p in positions), Decimal(0))
        fields = {"equity_usd": worth, "cash_usd": self.cash[name], "positions": positions}
        home = {"venue": self.venues[name], "account_number": f"PA0000000{ACCOUNTS.index(name)}"}
        return EquityMarked.model_validate({"account": name, **home, **fields, **place})

    def live(self, number: int, rows: Sequence[Mapping[str, float]], **fields: Any) -> None:
        """Mark a whole week: the open of its first session by the first row, then closes."""
        self.mark(number, 0, "open", rows[0], **fields)
        for day, row in zip(DAYS, rows[1:], strict=False):
            self.mark(number, day, "close", row, **fields)

    def propose(
        self,
        account: str,
        quantity: int,
        *,
        number: int = 0,
        symbol: str = "SPY",
        price: float = 100.0,
        when: datetime | None = None,
        source_id: UUID | None = None,
        round: int = 1,
    ) -> Ticket:
        """Propose to trade so many signed shares; with a `source_id`, for that checkpoint."""
        week_id = week_of(number)
        trade_id = (
            meaning_id("trade", week_id, account, source_id)
            if source_id
            else trade_id_for(week_id, account)
        )
        ticket = make_ticket(
            account,
            trade_id=trade_id,
            week_id=week_id,
            instrument=symbol,
            direction=direction_of(quantity),
            target_quantity=quantity,
            reference_price=Decimal(str(price)),
            legs=(_leg(symbol, quantity),) if quantity else (),
            expires_at=at(number, 6, "14:00") + timedelta(minutes=90),
        )
        fact = TradeProposed(
            week_id=week_id,
            trade_id=trade_id,
            account=account,
            model="vendor/model",
            source_id=source_id or meaning_id("pitch", week_id, account),
            ticket=ticket,
            round=round,
        )
        self.tell(fact, when or at(number, 0, "09:00"))
        return ticket

    def approve(self, ticket: Ticket, when: datetime, *, round: int = 1) -> None:
        """Approve the ticket."""
        fact = TradeApproved(
            **_identity(ticket),
            digest=ticket.digest,
            approver="anna",
            channel="cli",
            trust="local_user",
            round=round,
        )
        self.tell(fact, when)

    def reject(self, ticket: Ticket, when: datetime) -> None:
        """Reject the ticket."""
        fact = TradeRejected(**_identity(ticket), reason="no", approver="anna", channel="cli")
        self.tell(fact, when)

    def expire(self, ticket: Ticket, when: datetime) -> None:
        """Let the ticket expire."""
        self.tell(TradeExpired(**_identity(ticket), expired_at=when), when)

    def fill(
        self, ticket: Ticket, when: datetime, price: float, *, parts: Sequence[int] = ()
    ) -> None:
        """Carry the ticket out at `price`, in cumulative `parts` a minute apart, and end it."""
        (leg,) = ticket.legs
        exact = Decimal(str(price))
        sign = 1 if leg.side is Side.BUY else -1
        order: dict[str, Any] = {
            **_identity(ticket),
            "client_order_id": client_order_id_for(ticket.trade_id, leg.leg, 1),
        }
        intended = LegIntended(
            **order,
            **leg.model_dump(),
            attempt=1,
            venue=ticket.venue,
            start_quantity=0,
            digest=ticket.digest,
        )
        self.tell(intended, when)
        held = self.held[ticket.account][leg.symbol]
        last = when
        for minutes, filled in enumerate((*parts, leg.quantity)):
            last = when + timedelta(minutes=minutes)
            seen: dict[str, Any] = {
                **order,
                "symbol": leg.symbol,
                "status": OrderStatus.PARTIALLY_FILLED,
                "filled_quantity": filled,
                "average_price": exact,
                "position_quantity": held + sign * filled,
            }
            self.tell(OrderProgressed(**seen), last)
        self.tell(LegClosed(**{**seen, "status": OrderStatus.FILLED}), last)
        self.tell(TradeCompleted(**_identity(ticket), position_quantity=0), last)
        self.held[ticket.account][leg.symbol] += sign * leg.quantity
        self.cash[ticket.account] -= sign * leg.quantity * exact

    def trade(self, account: str, quantity: int, price: float, *, number: int = 0) -> Ticket:
        """Propose, approve and fill a trade of the entry at `price`, just after the open."""
        ticket = self.propose(account, quantity, number=number, price=price)
        opened_at = at(number, 0, "open")
        self.approve(ticket, opened_at - timedelta(minutes=10))
        self.fill(ticket, opened_at + timedelta(minutes=1), price)
        return ticket

    async def deps(self, *, until_at: datetime | None = None, **changes: Any) -> Deps:
        """Return dependencies whose store holds what was told, at most what was told by then."""
        store = CountingStore()
        deps = make_deps(self.config, store=store, **{"clock": VirtualClock(LATER), **changes})
        await self.store_in(deps, until_at=until_at)
        return deps

    async def store_in(
        self, deps: Deps, *, since: int = 0, until_at: datetime | None = None
    ) -> int:
        """Store what was told from the fact of this number on; return how many were told."""
        told = list(zip(self.streams, self.told, strict=True))[since:]
        writes = [
            StreamWrite(stream, (event,))
            for stream, event in told
            if until_at is None or event.timestamp <= until_at
        ]
        await deps.store.append_many(writes)
        return len(self.told)


def week_of(number: int) -> str:
    """Return the id of the week of this number."""
    return (FIRST_ON + timedelta(weeks=number)).isoformat()


def at(number: int, day: int, slot: str) -> datetime:
    """Return when a slot is, on a day counted from the week's Wednesday."""
    day_on = FIRST_ON + timedelta(weeks=number, days=day)
    return datetime.fromisoformat(f"{day_on}T{_HOURS[slot]}:00+00:00")


LATER = at(200, 0, "open")
"""After all weeks of a test."""


def direction_of(value: float) -> Direction:
    """Return the direction of a signed number."""
    if not value:
        return Direction.FLAT
    return Direction.LONG if value > 0 else Direction.SHORT


def pitch_of(account: str, number: int, instrument: str, conviction: float) -> Pitch:
    """Return the account's pitch of the week."""
    return make_pitch(
        account,
        week_id=week_of(number),
        instrument=instrument,
        direction=direction_of(conviction),
        conviction=Decimal(str(conviction)),
        choice_explanation="Against the ranking.",
    )


def _leg(symbol: str, quantity: int) -> TicketLeg:
    buys = quantity > 0
    return make_leg(
        symbol=symbol,
        side=Side.BUY if buys else Side.SELL,
        quantity=abs(quantity),
        position_intent=PositionIntent.BUY_TO_OPEN if buys else PositionIntent.SELL_TO_OPEN,
    )


def _identity(ticket: Ticket) -> dict[str, Any]:
    return {"week_id": ticket.week_id, "trade_id": ticket.trade_id, "account": ticket.account}
