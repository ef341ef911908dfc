"""Whether the venue shows what the record says, and what to write down where it does not.

The record explains a position by what was first observed, by its own orders' fills and by what a
person accepted. Anything else is a drift: the instrument is frozen for the account until a person
accepts it. An order with our kind of id that this record does not know (a restored backup, another
installation on the same account) halts the account. Looking again at the same sight writes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from broker.models import Account, Order, OrderStatus, Position, VenueName
from config.ids import OWN_ORDER_PREFIX
from config.weeks import week_id_at
from council.parallel import meanwhile
from council.ports import Deps, Desk, whole_shares
from council.trade_facts import AccountFact, AccountObserved, DriftDetected, LegClosed
from council.trading.account_guard import AccountGuard
from council.trading.account_legs import AccountLedger, AccountLegs, LegState
from council.trading.checks import whole_positions
from council.trading.desks import own_account
from council.trading.halts import EXECUTOR, halted_fact

CONFIRMED_AFTER: Final = timedelta(seconds=2)
"""A venue may show a fill before the position: what is still odd then is a drift."""

LOOKBACK: Final = timedelta(days=1)
"""How far before the last look orders are listed again."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An account as its venue shows it: signed whole shares by symbol, and its newer orders."""

    venue: VenueName
    account: Account
    positions: Mapping[str, int]
    orders: tuple[Order, ...]
    holdings: tuple[Position, ...] = ()
    """The positions as the venue tells them."""


@dataclass(frozen=True, slots=True)
class Filing:
    """Under which account findings are filed, and when."""

    account: str
    at: datetime

    @property
    def week_id(self) -> str:
        """Return the week under which they are filed."""
        return week_id_at(self.at)


async def reconcile(deps: Deps, desk: Desk, ledger: AccountLedger) -> Sight:
    """Compare the account with its record, write down what is odd, and return what was seen.

    No order may be under way.

    Raises:
        VenueUnreachable: the venue did not answer; nothing was written.
        AccountMismatch: the key belongs to another account.
        Overtaken: another executor works on this account.
    """
    sight = await _seen(desk, ledger.guard)
    filing = Filing(ledger.account, deps.clock.now())
    found = findings(sight, ledger.legs, ledger.guard, filing=filing)
    if any(isinstance(fact, DriftDetected) for fact in found):
        await deps.clock.sleep(CONFIRMED_AFTER)
        sight = await _seen(desk, ledger.guard)
        again = findings(sight, ledger.legs, ledger.guard, filing=filing)
        found = tuple(fact for fact in found if fact in again)
    if found:
        deps.failpoint("reconcile.before_record")
        await ledger.write(*found)
    return sight


def findings(
    sight: Sight, legs: AccountLegs, guard: AccountGuard, *, filing: Filing
) -> tuple[AccountFact, ...]:
    """Return the facts that `sight` adds to the record; none where all is explained."""
    if not guard.knows(sight.venue, sight.account.account_number):
        return (_observation(sight, guard, filing),)
    return tuple(_facts(sight, legs, guard, filing=filing))


def _observation(sight: Sight, guard: AccountGuard, filing: Filing) -> AccountObserved:
    return AccountObserved(
        week_id=filing.week_id,
        account=filing.account,
        number=1 + (guard.observed.number if guard.observed else 0),
        venue=sight.venue,
        account_number=sight.account.account_number,
        positions=dict(sight.positions),
    )


def _facts(
    sight: Sight, legs: AccountLegs, guard: AccountGuard, *, filing: Filing
) -> Iterator[AccountFact]:
    """Yield a drift for each odd order, then for each position that none of them is about."""
    for order in sight.orders:
        leg = legs.known(order.client_order_id)
        reason = _oddity(order, leg, guard)
        if reason is None:
            continue
        drift = _drift(order.symbol, reason, sight, guard=guard, filing=filing)
        drift = drift.model_copy(update={"order_id": order.order_id})
        yield drift
        guard = replace(guard, drifts=drift.number, frozen={**guard.frozen, drift.symbol: drift})
        if _is_own(order) and leg is None and guard.halted is None:
            halt = halted_fact(
                guard, filing.account, reason=reason, by=EXECUTOR, channel="guard", at=filing.at
            )
            yield halt
            guard = replace(guard, halted=halt)
    for symbol in sorted({*guard.expected, *sight.positions}):
        frozen, shown = guard.frozen.get(symbol), sight.positions.get(symbol, 0)
        if shown != (frozen.shown if frozen else guard.expected.get(symbol, 0)):
            expected = guard.expected.get(symbol, 0)
            left = f"where the record leaves {expected}"
            left = "again, as the record leaves it" if shown == expected else left
            reason = f"the venue shows {shown} {symbol} {left}"
            drift = _drift(symbol, reason, sight, guard=guard, filing=filing)
            yield drift
            guard = replace(guard, drifts=drift.number)


def _oddity(order: Order, leg: LegState | None, guard: AccountGuard) -> str | None:
    """Return what is odd about an order at the venue, or None."""
    is_older = guard.observed_at is None or order.submitted_at <= guard.observed_at
    if is_older or order.order_id in guard.reported_orders:
        return None
    told = f"{order.side} {order.quantity:f} {order.symbol}"
    if leg is None and _is_own(order):
        return f"the venue has an order of ours, {told}, that this record does not know"
    if leg is None:
        return f"somebody else ordered {told}"
    return None if leg.closed is None else _unlike(order, leg, leg.closed, told=told)


def _unlike(order: Order, leg: LegState, closed: LegClosed, *, told: str) -> str | None:
    """Return how an order differs from its record, which says that it is over."""
    filled = whole_shares(order.filled_quantity)
    if filled != closed.filled_quantity:
        return f"the order {told} filled {filled} where the record says {closed.filled_quantity}"
    if not order.status.is_terminal:
        return f"the order {told} works on although the record closed it"
    if order.status is OrderStatus.CANCELED and leg.cancel is None:
        return f"somebody else cancelled the order {told}"
    return None


def _is_own(order: Order) -> bool:
    return order.client_order_id.startswith(OWN_ORDER_PREFIX)


def _drift(
    symbol: str, reason: str, sight: Sight, *, guard: AccountGuard, filing: Filing
) -> DriftDetected:
    return DriftDetected(
        week_id=filing.week_id,
        account=filing.account,
        number=guard.drifts + 1,
        symbol=symbol,
        expected=guard.expected.get(symbol, 0),
        shown=sight.positions.get(symbol, 0),
        reason=reason,
    )


async def _seen(desk: Desk, guard: AccountGuard) -> Sight:
    async with (
        meanwhile(desk.venue.positions()) as listing,
        meanwhile(_newer_orders(desk, guard)) as reading,
    ):
        account = await own_account(desk)
        holdings, orders = await listing, await reading
    return Sight(
        venue=desk.venue.name,
        account=account,
        positions=whole_positions(holdings),
        orders=orders,
        holdings=holdings,
    )


async def _newer_orders(desk: Desk, guard: AccountGuard) -> tuple[Order, ...]:
    if guard.observed is None or guard.observed_at is None or guard.looked_at is None:
        return ()
    return await desk.venue.orders_since(max(guard.observed_at, guard.looked_at - LOOKBACK))
