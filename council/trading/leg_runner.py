"""One order from its stored intent to its end at the venue, by asking before sending.

The rules: the venue dedupes by `client_order_id`, so the id never changes; it is asked for the id
before every send; an unknown outcome leads to a question, never to another order; and a refusal
that follows an unknown attempt proves nothing until a late order would have turned up.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Final

from broker.models import (
    Accepted,
    Order,
    OrderRequest,
    OrderStatus,
    Refused,
    Side,
    SubmitOutcome,
    Unknown,
)
from council.errors import OrderMismatch
from council.ports import Deps, Desk, whole_shares
from council.trade_facts import (
    LegClosed,
    LegFact,
    LegIntended,
    OrderAccepted,
    OrderProgressed,
    OrderRefused,
    SubmitAttempted,
    SubmitUnknown,
    TradeIncomplete,
)
from council.trading.account_legs import AccountLedger, LegState
from council.trading.checks import Objection
from council.trading.journal import record
from council.trading.lifecycle import load_trade

POLL_STEP: Final = timedelta(milliseconds=200)
POLLS_PER_CYCLE: Final = 25
SENDS_PER_CYCLE: Final = 3
QUARANTINE: Final = timedelta(seconds=80)
"""How long a sent order may still turn up at the venue: twice the call's deadline, and a minute."""

ObjectionNow = Callable[[], Awaitable[Objection | None]]
"""Looks whether the order may be sent at this moment."""


class LegRunner:
    """Runs the legs of one account; each `run` is bounded and goes on where the last stopped."""

    def __init__(self, deps: Deps, desk: Desk, ledger: AccountLedger) -> None:
        self._deps = deps
        self._desk = desk
        self._ledger = ledger

    async def run(self, client_order_id: str, objection: ObjectionNow) -> LegState:
        """Bring the leg as far as this cycle allows; `closed` is set where it is over.

        Raises:
            VenueUnreachable: the venue could not be asked; nothing was sent unasked.
            OrderMismatch: the venue has another order under this id.
            Overtaken: another executor works on this account.
        """
        for _ in range(SENDS_PER_CYCLE):
            order = await self._ask(client_order_id)
            leg = self._leg(client_order_id)
            if order is not None:
                return await self._follow(order, leg)
            if leg.accepted is not None:
                return leg
            attempts = leg.attempts
            order = await self._after_not_found(leg, objection)
            leg = self._leg(client_order_id)
            if order is not None:
                return await self._follow(order, leg)
            if leg.closed is not None or leg.attempts == attempts:
                return leg
            await self._deps.clock.sleep(POLL_STEP)
        return self._leg(client_order_id)

    async def _after_not_found(self, leg: LegState, objection: ObjectionNow) -> Order | None:
        """The venue does not know the order: send it, unless that is forbidden or in doubt."""
        if leg.doubted is not None:
            return await self._give_up(leg)
        against = await objection()
        if against is None:
            return await self._send(leg)
        return await self._give_up(leg) if against.is_final else None

    async def _send(self, leg: LegState) -> Order | None:
        number = leg.attempts + 1
        await self._ledger.write(SubmitAttempted(**_about(leg), number=number))
        self._deps.failpoint("exec.before_post")
        outcome = await self._desk.venue.submit(_request(leg.intended))
        self._deps.failpoint("exec.after_post")
        if isinstance(outcome, Accepted):
            return outcome.order
        self._deps.failpoint("exec.before_record")
        await self._ledger.write(*_not_accepted(leg, outcome, number))
        return None

    async def _give_up(self, leg: LegState) -> Order | None:
        """Close a leg that must not be sent: at once if it never was, else when it is lost."""
        if leg.attempted_at is None:
            await self._ledger.write(_closed_unsent(leg, OrderStatus.CANCELED))
            return None
        if self._deps.clock.now() - leg.attempted_at < QUARANTINE:
            return None
        late = await self._ask(leg.client_order_id)
        if late is None:
            await self._ledger.write(*_refused_for_good(leg))
        return late

    async def _follow(self, order: Order, leg: LegState) -> LegState:
        """Record what the venue says of the order until it is over or the cycle's time is up."""
        latest: Order | None = order
        for poll in range(POLLS_PER_CYCLE):
            if latest is not None:
                await self._record(latest, self._leg(leg.client_order_id))
            leg = self._leg(leg.client_order_id)
            if leg.closed is not None or poll + 1 == POLLS_PER_CYCLE:
                break
            await self._deps.clock.sleep(POLL_STEP)
            latest = await self._ask(leg.client_order_id)
        return leg

    async def _record(self, order: Order, leg: LegState) -> None:
        if not _is_the_intended(order, leg.intended):
            await self._stand_still(order, leg)
        facts = _news(order, leg)
        if facts:
            self._deps.failpoint("exec.before_record")
            await self._ledger.write(*facts)

    async def _stand_still(self, order: Order, leg: LegState) -> None:
        """End the trade and leave the leg open, so that its account does nothing more by itself."""
        reason = _mismatch(order, leg.intended)
        trade = await load_trade(self._deps.store, leg.intended.trade_id)
        if not trade.is_over:
            ending = TradeIncomplete(
                week_id=leg.intended.week_id,
                trade_id=leg.intended.trade_id,
                account=leg.intended.account,
                reason=reason,
            )
            await record(self._deps, [ending], {ending.stream: trade.version})
        raise OrderMismatch(f"{leg.intended.account} stands still: {reason}.")

    async def _ask(self, client_order_id: str) -> Order | None:
        return await self._desk.venue.order_by_client_id(client_order_id)

    def _leg(self, client_order_id: str) -> LegState:
        return self._ledger.legs.leg(client_order_id)


def position_after(intended: LegIntended, filled: int) -> int:
    """Return the signed position that `filled` shares of the order leave."""
    return intended.start_quantity + (filled if intended.side is Side.BUY else -filled)


def _about(leg: LegState) -> dict[str, object]:
    intended = leg.intended
    return {
        "week_id": intended.week_id,
        "account": intended.account,
        "trade_id": intended.trade_id,
        "client_order_id": intended.client_order_id,
    }


def _request(intended: LegIntended) -> OrderRequest:
    return OrderRequest(
        client_order_id=intended.client_order_id,
        symbol=intended.symbol,
        side=intended.side,
        quantity=Decimal(intended.quantity),
        position_intent=intended.position_intent,
    )


def _not_accepted(leg: LegState, outcome: Refused | Unknown, number: int) -> tuple[LegFact, ...]:
    """Return what a reply other than an acceptance means: only a first refusal is final."""
    if isinstance(outcome, Unknown):
        return (SubmitUnknown(**_about(leg), number=number, reason=outcome.reason),)
    if _id_is_taken(outcome):
        reason = "the venue says that it has this id already"
        return (SubmitUnknown(**_about(leg), number=number, reason=reason),)
    if number == 1:
        refused = OrderRefused(**_about(leg), code=outcome.code, message=outcome.message)
        return (refused, _closed_unsent(leg, "refused"))
    return (
        SubmitUnknown(
            **_about(leg), number=number, reason=outcome.message, refused_code=outcome.code
        ),
    )


def _id_is_taken(outcome: SubmitOutcome) -> bool:
    # By the message: the code differs between working and finished first orders.
    return isinstance(outcome, Refused) and "must be unique" in outcome.message


def _closed_unsent(leg: LegState, status: OrderStatus | str) -> LegClosed:
    return LegClosed(
        **_about(leg),
        symbol=leg.intended.symbol,
        status=status,
        filled_quantity=0,
        average_price=None,
        position_quantity=leg.intended.start_quantity,
    )


def _refused_for_good(leg: LegState) -> tuple[LegFact, ...]:
    """Close a leg whose order never turned up: refused, or not sent again in time."""
    if leg.doubted is None or leg.doubted.refused_code is None:
        return (_closed_unsent(leg, OrderStatus.CANCELED),)
    refused = OrderRefused(**_about(leg), code=leg.doubted.refused_code, message=leg.doubted.reason)
    return (refused, _closed_unsent(leg, "refused"))


def _is_the_intended(order: Order, intended: LegIntended) -> bool:
    return (order.symbol, order.side, order.quantity) == (
        intended.symbol,
        intended.side,
        Decimal(intended.quantity),
    )


def _mismatch(order: Order, intended: LegIntended) -> str:
    return (
        f"order {intended.client_order_id} at the venue is {order.side} {order.quantity} "
        f"{order.symbol}, not {intended.side} {intended.quantity} {intended.symbol}"
    )


def _news(order: Order, leg: LegState) -> tuple[LegFact, ...]:
    """Return what the order says beyond the log; a view older than the log says nothing."""
    filled = whole_shares(order.filled_quantity)
    if filled < leg.filled:
        return ()
    seen: dict[str, object] = {
        "symbol": order.symbol,
        "status": order.status,
        "filled_quantity": filled,
        "average_price": order.average_fill_price,
        "position_quantity": position_after(leg.intended, filled),
    }
    facts: list[LegFact] = []
    if leg.accepted is None:
        facts.append(OrderAccepted(**_about(leg), order_id=order.order_id))
    if (order.status, filled) not in leg.seen:
        facts.append(OrderProgressed(**_about(leg), **seen))
    if order.status.is_terminal and order.status is not OrderStatus.REPLACED:
        facts.append(LegClosed(**_about(leg), **seen))
    return tuple(facts)
