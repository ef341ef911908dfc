"""Reads a list of orders page by page, so that none is lost where pages meet.

The venue's only cursor is the time of submission, and it answers with what came later than that.
Orders of one instant may stand on both sides of a page's end, and times are cut to microseconds
here; so each page begins just before the last order of the page before, and doubles are dropped.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from broker.models import Order

PAGE_SIZE: Final = 500
MOST_PAGES: Final = 100
_JUST_BEFORE: Final = timedelta(microseconds=1)

ReadPage = Callable[[dict[str, Any]], Awaitable[tuple[Order, ...]]]
"""Asks the venue for one page of orders by its query."""


class TooManyOrders(Exception):
    """More orders than pages may be read, or than can stand in one instant; stays in here."""


async def orders_after(after: datetime, read: ReadPage) -> tuple[Order, ...]:
    """Return every order submitted later than `after`, oldest first, each once.

    Raises:
        TooManyOrders: no page brought an end; nothing is returned that may be incomplete.
    """
    found: dict[str, Order] = {}
    begin_at = after
    for _ in range(MOST_PAGES):
        page = await read(_query(begin_at))
        fresh = [order for order in page if order.order_id not in found]
        found |= {order.order_id: order for order in page}
        if len(page) < PAGE_SIZE:
            return tuple(sorted(found.values(), key=lambda order: order.submitted_at))
        if not fresh:
            raise TooManyOrders(f"{PAGE_SIZE} orders or more stand at {begin_at.isoformat()}.")
        begin_at = max(begin_at, max(order.submitted_at for order in page) - _JUST_BEFORE)
    raise TooManyOrders(
        f"more than {len(found)} orders since {after.isoformat()}: ask from a later time."
    )


def _query(begin_at: datetime) -> dict[str, Any]:
    return {
        "status": "all",
        "direction": "asc",
        "limit": PAGE_SIZE,
        "after": begin_at.isoformat(),
    }
