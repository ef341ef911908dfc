"""Which trade a person means by an id, or by how an id begins; no more than three are ever read."""

from typing import Final
from uuid import UUID

from council.errors import UnknownTrade
from council.trading.lifecycle import TradeStatus
from council.trading.verdicts import no_such_trade
from store.events import Page
from store.ports import EventStore

_MIN_PREFIX: Final = 6
_MOST_LISTED: Final = 20
"""Of the trades that wait, where none was found."""
_LOWEST: Final = str(UUID(int=0))


async def find_trade(store: EventStore, text: str) -> UUID:
    """Return the trade whose id is `text`, or begins with it (6 characters or more).

    Raises:
        UnknownTrade: none has, or more than one; the message lists the trades that wait.
    """
    wanted = text.strip().lower()
    found = await _beginning_with(wanted, store) if len(wanted) >= _MIN_PREFIX else ()
    if len(found) == 1:
        return found[0]
    pending = {"status": TradeStatus.PENDING.value}
    page = Page(_MOST_LISTED)
    rows = await store.rows("trades", where=pending, order_by=("trade_id",), page=page)
    waiting = [str(row["trade_id"]) for row in rows]
    if len(waiting) == _MOST_LISTED:
        others = await store.count_rows("trades", where=pending) - len(waiting)
        waiting += [f"{others} more"] if others else []
    raise UnknownTrade(no_such_trade(text, waiting, ambiguous=len(found) > 1))


async def _beginning_with(wanted: str, store: EventStore) -> tuple[UUID, ...]:
    """Return at most two trades whose ids begin with `wanted`: they are neighbours in order."""
    lowest = _lowest_with(wanted)
    if lowest is None:
        return ()
    after = (UUID(int=lowest.int - 1),) if lowest.int else None
    rows = await store.rows("trades", order_by=("trade_id",), page=Page(2, after=after))
    ids = [UUID(str(row["trade_id"])) for row in rows]
    return tuple(found for found in ids if str(found).startswith(wanted))


def _lowest_with(wanted: str) -> UUID | None:
    """Return the first of all ids that begin with `wanted`; None where no id can."""
    try:
        lowest = UUID(wanted + _LOWEST[len(wanted) :])
    except ValueError:
        return None
    return lowest if str(lowest).startswith(wanted) else None
