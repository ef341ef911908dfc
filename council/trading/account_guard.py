"""What an account's stream says beyond its orders: halts, drifts, and what it should hold."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from broker.models import VenueName
from council.codec import to_fact
from council.fact import Fact
from council.trade_facts import (
    AccountObserved,
    DriftAccepted,
    DriftDetected,
    LegClosed,
    OrderProgressed,
    TradingHalted,
    TradingResumed,
)
from store.events import StoredEvent
from store.ports import EventStore


@dataclass(frozen=True, slots=True)
class AccountGuard:
    """Whether an account may trade, and what it should hold; `version` is that of its stream.

    `observed` is None until the account was first looked at. `expected` maps symbols to signed
    shares: what was observed then, plus the fills recorded since, with the positions that a person
    accepted in place of them. `frozen` holds, by symbol, the newest drift that nobody has accepted;
    `reported_orders` the venue's ids of orders that drifts were about; `looked_at` when the venue's
    orders were last written about.
    """

    version: int = 0
    observed: AccountObserved | None = None
    observed_at: datetime | None = None
    expected: Mapping[str, int] = field(default_factory=dict)
    frozen: Mapping[str, DriftDetected] = field(default_factory=dict)
    halted: TradingHalted | None = None
    halted_at: datetime | None = None
    halts: tuple[tuple[datetime, TradingHalted], ...] = ()
    drifts: int = 0
    reported_orders: frozenset[str] = frozenset()
    looked_at: datetime | None = None

    def knows(self, venue: VenueName, account_number: str) -> bool:
        """Whether this account was looked at before, there and under that number."""
        seen = self.observed
        return seen is not None and (seen.venue, seen.account_number) == (venue, account_number)


async def load_guard(store: EventStore, account: str) -> AccountGuard:
    """Read the account's stream; an account without events may trade."""
    return fold_guard(AccountGuard(), await store.read_stream(f"account-{account}"))


def fold_guard(guard: AccountGuard, events: Iterable[StoredEvent]) -> AccountGuard:
    """Return `guard` with `events` of the account's stream in it."""
    for event in events:
        fact = to_fact(event)
        step = _STEPS.get(type(fact))
        if step is not None:
            guard = step(guard, fact, event.timestamp)
        guard = replace(guard, version=event.version)
    return guard


def _observed(guard: AccountGuard, fact: AccountObserved, at: datetime) -> AccountGuard:
    held = dict(fact.positions)
    return replace(guard, observed=fact, observed_at=at, expected=held, frozen={}, looked_at=at)


def _filled(guard: AccountGuard, fact: OrderProgressed | LegClosed, at: datetime) -> AccountGuard:
    expected = _with(guard.expected, fact.symbol, fact.position_quantity)
    return replace(guard, expected=expected, looked_at=at)


def _drifted(guard: AccountGuard, fact: DriftDetected, at: datetime) -> AccountGuard:
    orders = {fact.order_id} if fact.order_id else set[str]()
    return replace(
        guard,
        frozen={**guard.frozen, fact.symbol: fact},
        drifts=fact.number,
        reported_orders=guard.reported_orders | orders,
        looked_at=at,
    )


def _accepted(guard: AccountGuard, fact: DriftAccepted, _at: datetime) -> AccountGuard:
    frozen = {symbol: drift for symbol, drift in guard.frozen.items() if symbol != fact.symbol}
    expected = _with(guard.expected, fact.symbol, fact.quantity)
    return replace(guard, frozen=frozen, expected=expected)


def _halted(guard: AccountGuard, fact: TradingHalted, at: datetime) -> AccountGuard:
    return replace(guard, halted=fact, halted_at=at, halts=(*guard.halts, (at, fact)))


def _resumed(guard: AccountGuard, _fact: TradingResumed, _at: datetime) -> AccountGuard:
    return replace(guard, halted=None, halted_at=None)


_STEPS: dict[type[Fact], Callable[[AccountGuard, Any, datetime], AccountGuard]] = {
    AccountObserved: _observed,
    OrderProgressed: _filled,
    LegClosed: _filled,
    DriftDetected: _drifted,
    DriftAccepted: _accepted,
    TradingHalted: _halted,
    TradingResumed: _resumed,
}


def _with(expected: Mapping[str, int], symbol: str, quantity: int) -> dict[str, int]:
    others = {name: held for name, held in expected.items() if name != symbol}
    return {**others, symbol: quantity} if quantity else others
