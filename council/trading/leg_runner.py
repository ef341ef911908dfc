"""One order from its stored intent to its end at the venue, by asking before sending.

The rules: the venue dedupes by `client_order_id`, so the id never changes; it is asked for the id
before every send; an unknown outcome leads to a question, never to another order; and a refusal
that follows an unknown attempt proves nothing until a late order would have turned up.
"""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

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
from council.errors import OrderMismatch, Overtaken
from council.parallel import meanwhile
from council.ports import Deps, Desk, whole_shares
from council.trade_facts import (
    CancelRequested,
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
from council.trading.account_guard import AccountGuard
from council.trading.account_legs import AccountLedger, LegState
from council.trading.checks import Objection
from council.trading.halts import EXECUTOR, halted_fact
from council.trading.lifecycle import load_trade
from council.trading.reconcile import CONFIRMED_AFTER

POLL_STEP: Final = timedelta(milliseconds=200)
POLL_GROWTH: Final = 1.5
LONGEST_POLL_STEP: Final = timedelta(seconds=2)
POLLS_PER_CYCLE: Final = 12
"""With growing steps some fifteen seconds, and few of the 200 requests a minute."""

SENDS_PER_CYCLE: Final = 3
QUARANTINE: Final = timedelta(seconds=110)
"""How long after an attempt its order may still turn up at the venue: ten seconds for its turn,
thirty for the call, ten for a read that began just then, and a minute on the way."""

ObjectionNow = Callable[[], Coroutine[Any, Any, Objection | None]]
"""Looks whether the order may be sent at this moment."""


class LegRunner:
    """Runs the legs of one account; each `run` is bounded and goes on where the last stopped."""

    def __init__(self, deps: Deps, desk: Desk, ledger: AccountLedger) -> None:
        self._deps = deps
        self._desk = desk
        self._ledger = ledger
        self.held_back: Objection | None = None
        """Why the last `run` did not send an order that the venue does not know."""

    async def run(
        self, client_order_id: str, objection: ObjectionNow, unwanted: str | None = None
    ) -> LegState:
        """Bring the leg as far as this cycle allows; `closed` is set where it is over.

        `unwanted` says why an order that works at the venue is to be cancelled, such as a newer
        trade; a halt that cancels orders does so as well.

        Raises:
            VenueUnreachable: the venue could not be asked; nothing was sent unasked.
            OrderMismatch: the venue has another order under this id, or none any more.
            Overtaken: another executor works on this account.
        """
        for _ in range(SENDS_PER_CYCLE):
            order, against = await self._asked(self._leg(client_order_id), objection)
            leg = self._leg(client_order_id)
            if order is not None:
                return await self._follow(order, leg, unwanted)
            if leg.accepted is not None:
                return await self._look_for(leg)
            attempts = leg.attempts
            order = await self._after_not_found(leg, against)
            leg = self._leg(client_order_id)
            if order is not None:
                return await self._follow(order, leg, unwanted)
            if leg.closed is not None or leg.attempts == attempts:
                return leg
            await self._deps.clock.sleep(POLL_STEP)
        return self._leg(client_order_id)

    async def _asked(
        self, leg: LegState, objection: ObjectionNow
    ) -> tuple[Order | None, ObjectionNow]:
        """Ask for the order, and look meanwhile whether it may be sent where it never was.

        The first order leaves sooner so. After an answer that took its time it is looked anew:
        what was seen before may not be true any more.
        """
        if leg.attempts:
            return await self._ask(leg.client_order_id), objection
        asked_at = self._deps.clock.now()
        async with meanwhile(objection()) as looking:
            order = await self._ask(leg.client_order_id)
            if order is not None or self._deps.clock.now() - asked_at >= CONFIRMED_AFTER:
                return order, objection
            against = await looking

        async def seen() -> Objection | None:
            return against

        return order, seen

    async def _after_not_found(self, leg: LegState, objection: ObjectionNow) -> Order | None:
        """The venue does not know the order: send it, unless that is forbidden or in doubt."""
        if leg.doubted is not None:
            return await self._give_up(leg, leg.doubted.reason)
        self.held_back = against = await objection()
        if against is None:
            return await self._send(leg)
        return await self._give_up(leg, against.reason) if against.is_final else None

    async def _look_for(self, leg: LegState) -> LegState:
        """The venue forgot an order that it had: ask for a while, then a person must look."""
        sent_at, now = leg.attempted_at, self._deps.clock.now()
        if sent_at is not None and now - sent_at < QUARANTINE:
            return leg
        if await self._ask(leg.client_order_id) is None:
            order_id = leg.client_order_id
            await self._stand_still(f"the venue does not know order {order_id} any more", leg)
        return self._leg(leg.client_order_id)

    async def _send(self, leg: LegState) -> Order | None:
        number = leg.attempts + 1
        await self._ledger.write(SubmitAttempted(**_about(leg), number=number))
        announced = self._ledger.legs.version
        self._deps.failpoint("exec.before_post")
        await self._ledger.refresh()
        if self._ledger.legs.version != announced or self._deps.halt_wanted() is not None:
            # Halted in this very moment, or taken over while we slept: nothing leaves unseen.
            raise Overtaken(f"The account {leg.intended.account} has moved on; read it again.")
        outcome = await self._desk.venue.submit(_request(leg.intended))
        self._deps.failpoint("exec.after_post")
        if isinstance(outcome, Accepted):
            return outcome.order
        self._deps.failpoint("exec.before_record")
        await self._ledger.write(*_not_accepted(leg, outcome, number))
        return None

    async def _give_up(self, leg: LegState, reason: str) -> Order | None:
        """Close a leg that must not be sent: at once if it never was, else when it is lost."""
        if leg.attempted_at is None:
            await self._ledger.write(_let_go(leg, OrderStatus.CANCELED, reason))
            return None
        if self._deps.clock.now() - leg.attempted_at < QUARANTINE:
            return None
        late = await self._ask(leg.client_order_id)
        if late is None:
            await self._ledger.write(*_refused_for_good(leg, reason))
        return late

    async def _follow(self, order: Order, leg: LegState, unwanted: str | None) -> LegState:
        """Record what the venue says of the order until it is over or the cycle's time is up."""
        latest: Order | None = order
        step = POLL_STEP
        for poll in range(POLLS_PER_CYCLE):
            if latest is not None:
                await self._record(latest, self._leg(leg.client_order_id))
            leg = self._leg(leg.client_order_id)
            if leg.closed is not None or poll + 1 == POLLS_PER_CYCLE:
                break
            await self._cancel_if(unwanted, leg, is_first=poll == 0)
            await self._desk.venue.changed(step)
            step = min(step * POLL_GROWTH, LONGEST_POLL_STEP)
            latest = await self._ask(leg.client_order_id)
        return leg

    async def _cancel_if(self, unwanted: str | None, leg: LegState, *, is_first: bool) -> None:
        """Ask the venue to cancel a working order that nobody wants any more.

        A request that was written down before may have been lost: each cycle repeats it first.
        """
        if leg.accepted is None or (leg.cancel is not None and not is_first):
            return
        if leg.cancel is None:
            await self._ledger.refresh()
            reason = _halting(self._ledger.guard) or unwanted
            if reason is None:
                return
            self._deps.failpoint("exec.before_cancel")
            await self._ledger.write(CancelRequested(**_about(leg), reason=reason))
        self._deps.failpoint("exec.after_cancel")
        await self._desk.venue.cancel(leg.accepted.order_id)

    async def _record(self, order: Order, leg: LegState) -> None:
        if not _is_the_intended(order, leg.intended):
            await self._stand_still(_mismatch(order, leg.intended), leg)
            return
        facts = _news(order, leg)
        if facts:
            self._deps.failpoint("exec.before_record")
            await self._ledger.write(*facts)
        if order.status is OrderStatus.REPLACED:
            reason = f"somebody replaced order {leg.client_order_id} at the venue"
            await self._stand_still(reason, self._leg(leg.client_order_id))

    async def _stand_still(self, reason: str, leg: LegState) -> None:
        """End the trade and halt the account; once a person has resumed it, let go of the leg."""
        await self._ledger.refresh()
        guard, account = self._ledger.guard, leg.intended.account
        halt = halted_fact(
            guard,
            account,
            reason=reason,
            by=EXECUTOR,
            channel="guard",
            at=self._deps.clock.now(),
        )
        was_halted = any(before.reason == halt.reason for _, before in guard.halts)
        if was_halted and guard.halted is None:
            await self._ledger.write(_let_go(leg, OrderStatus.CANCELED, reason))
            return
        trade = await load_trade(self._deps.store, leg.intended.trade_id)
        ending = TradeIncomplete(
            week_id=leg.intended.week_id,
            trade_id=leg.intended.trade_id,
            account=account,
            reason=reason,
        )
        await self._ledger.write(
            *((halt,) if guard.halted is None else ()),
            trade=() if trade.is_over else (ending,),
            trade_version=trade.version,
        )
        raise OrderMismatch(f"{account} stands still: {reason}.")

    async def _ask(self, client_order_id: str) -> Order | None:
        return await self._desk.venue.order_by_client_id(client_order_id)

    def _leg(self, client_order_id: str) -> LegState:
        return self._ledger.legs.leg(client_order_id)


def _halting(guard: AccountGuard) -> str | None:
    """Return why a halt wants working orders cancelled, or None."""
    if guard.halted is None or not guard.halted.cancel_orders:
        return None
    return f"trading is halted: {guard.halted.reason}"


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
        return (refused, _let_go(leg, "refused"))
    return (
        SubmitUnknown(
            **_about(leg), number=number, reason=outcome.message, refused_code=outcome.code
        ),
    )


def _id_is_taken(outcome: SubmitOutcome) -> bool:
    # By the message: the code differs between working and finished first orders.
    return isinstance(outcome, Refused) and "must be unique" in outcome.message


def _let_go(leg: LegState, status: OrderStatus | str, reason: str | None = None) -> LegClosed:
    """Close a leg with what is known of it, where the venue says nothing more."""
    return LegClosed(
        **_about(leg),
        symbol=leg.intended.symbol,
        status=status,
        filled_quantity=leg.filled,
        average_price=leg.average_price,
        position_quantity=position_after(leg.intended, leg.filled),
        reason=reason,
    )


def _refused_for_good(leg: LegState, reason: str) -> tuple[LegFact, ...]:
    """Close a leg whose order never turned up: refused, or not sent again in time."""
    if leg.doubted is None or leg.doubted.refused_code is None:
        return (_let_go(leg, OrderStatus.CANCELED, reason),)
    refused = OrderRefused(**_about(leg), code=leg.doubted.refused_code, message=leg.doubted.reason)
    return (refused, _let_go(leg, "refused"))


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
