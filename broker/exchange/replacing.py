"""Which order may take the place of which: pure, the rules for new orders come after.

What a replacement does not name stays as it was, the quantity too: as at Alpaca, whatever part of
the old order has traded does not count for the new one.
"""

from broker.exchange.errors import RequestRefused
from broker.exchange.orders import BookOrder, OrderChange, OrderDraft
from broker.exchange.rules import BAD_FIELD, UNFIT
from broker.models import OrderStatus

_REPLACEABLE = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


def changed_draft(order: BookOrder, change: OrderChange) -> OrderDraft:
    """Return the order that `change` makes of a working one; raises RequestRefused (422)."""
    _check(order, change)
    draft = OrderDraft(
        client_order_id=change.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=change.quantity or order.quantity,
        limit_price=change.limit_price or order.limit_price,
        stop_price=change.stop_price or order.stop_price,
        time_in_force=change.time_in_force or order.time_in_force,
        position_intent=order.position_intent,
        extended_hours=order.extended_hours,
    )
    names = ("quantity", "limit_price", "stop_price", "time_in_force")
    if all(getattr(draft, name) == getattr(order, name) for name in names):
        raise RequestRefused(422, BAD_FIELD, "order parameters are not changed")
    return draft


def _check(order: BookOrder, change: OrderChange) -> None:
    if order.status not in _REPLACEABLE:
        wording = f'replace not allowed: order is in "{order.status}" state'
        raise RequestRefused(422, UNFIT, wording)
    if order.notional is not None:
        raise RequestRefused(422, UNFIT, "replace not allowed: notional orders cannot be replaced")
    if change.quantity is not None and order.quantity % 1:
        wording = "replace not allowed: qty of a fractional order cannot be changed"
        raise RequestRefused(422, UNFIT, wording)
    for name in ("limit_price", "stop_price"):
        if getattr(change, name) is not None and getattr(order, name) is None:
            raise RequestRefused(422, BAD_FIELD, f"{order.kind} orders require no {name}")
