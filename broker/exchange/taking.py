"""What is done to one order inside an opened account: take it, cancel it, replace it.

Each either stores the order with its entry in the journal, or raises RequestRefused and stores
nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from broker.exchange.book import (
    canceled,
    entered,
    entry_of,
    quantity_for,
    replaced,
    stuck_in_cancel,
)
from broker.exchange.errors import RequestRefused
from broker.exchange.opened import OpenedAccount
from broker.exchange.orders import BookOrder, OrderChange, OrderDraft, OrderEvent
from broker.exchange.replacing import changed_draft
from broker.exchange.rules import UNFIT, intent_of, refusal
from broker.models import OrderStatus, Side

NOT_FOUND = 40410000

IsStuck = Callable[[str], bool]


async def taken(opened: OpenedAccount, draft: OrderDraft) -> BookOrder:
    """Store the working order that `draft` becomes."""
    order = await _judged(opened, draft)
    await _entered(opened, order)
    return order


async def cancel(opened: OpenedAccount, order: BookOrder, *, is_stuck: IsStuck) -> None:
    """End a working order, or leave it stuck in its cancellation for ever."""
    if not order.is_working or order.status is OrderStatus.PENDING_CANCEL:
        raise RequestRefused(422, UNFIT, f'order is already in "{order.status}" state')
    hangs = is_stuck(order.client_order_id)
    await _changed(opened, (stuck_in_cancel if hangs else canceled)(order, opened.now))


async def replacement(opened: OpenedAccount, order: BookOrder, change: OrderChange) -> BookOrder:
    """Store the order that takes the place of `order`, which ends."""
    draft = changed_draft(order, change)
    others = tuple(one for one in opened.working if one.order_id != order.order_id)
    new = await _judged(replace(opened, working=others), draft)
    new = replace(new, replaces=order.order_id)
    await _changed(opened, replaced(order, new.order_id, opened.now))
    await _entered(opened, new)
    return new


async def found(opened: OpenedAccount, order_id: UUID) -> BookOrder:
    """Return the order with this id."""
    order = await opened.rows.order("order_id", order_id)
    if order is None:
        raise RequestRefused(404, NOT_FOUND, f"order not found for {order_id}")
    return order


async def _judged(opened: OpenedAccount, draft: OrderDraft) -> BookOrder:
    draft = _sized(opened, draft)
    standing = await opened.standing(draft)
    refused = refusal(draft, standing)
    if refused:
        raise RequestRefused(refused.status, refused.code, refused.message, extras=refused.extras)
    return entered(
        draft,
        intent_of(draft, standing.held),
        account_number=opened.account_number,
        at=opened.now,
        hours=opened.market.hours,
    )


def _sized(opened: OpenedAccount, draft: OrderDraft) -> OrderDraft:
    """Return a draft by notional with the quantity that it comes to at the present quote."""
    quote = opened.quote(draft.symbol)
    if draft.notional is None or quote is None:
        return draft
    price = quote.ask if draft.side is Side.BUY else quote.bid
    return replace(draft, quantity=quantity_for(draft.notional, price))


async def _entered(opened: OpenedAccount, order: BookOrder) -> None:
    await opened.rows.add(order)
    await opened.rows.journal(entry_of(order))


async def _changed(opened: OpenedAccount, event: OrderEvent) -> None:
    await opened.rows.save(event.order)
    await opened.rows.journal(event)
