"""Trades a page at a time, the newest week first: however many there are, one page of them is read.

The order is by what never changes of a trade, so that none is passed over because it, or another,
was decided between two pages. Within a page a week's trades stand in the order of accounts.yaml.
"""

from dataclasses import dataclass
from typing import Any, Final

from mcp_server.readings import trade_shapes
from mcp_server.shapes import TradeShape
from mcp_server.wiring import App
from store.events import Page

_ORDER: Final = ("week_id", "account_id", "trade_id")

Place = tuple[str, str, str]
"""Where a page ended: the week, account and id of its last trade, in the order of the database."""


@dataclass(frozen=True, slots=True)
class TradePage:
    """Some trades; the next page goes on after `last`, None where there is none."""

    trades: tuple[TradeShape, ...]
    last: Place | None


async def read_trade_page(
    app: App, where: dict[str, Any], *, limit: int, after: tuple[Any, ...] | None = None
) -> TradePage:
    """Return at most `limit` trades whose columns equal `where`, after the place `after`."""
    store, page = app.deps.store, Page(limit + 1, descending=True, after=after)
    rows = await store.rows("trades", where=where, order_by=_ORDER, page=page)
    shown = rows[:limit]
    last = tuple(str(shown[-1][column]) for column in _ORDER) if len(rows) > limit else None
    places = {a.nickname: place for place, a in enumerate(app.deps.config.accounts)}
    ordered = sorted(shown, key=lambda row: places.get(row["account_id"], len(places)))
    ordered.sort(key=lambda row: str(row["week_id"]), reverse=True)
    # The three columns of the order make the three parts of a place.
    week, account, trade = last or ("", "", "")
    place = (week, account, trade) if last else None
    return TradePage(await trade_shapes(store, ordered), place)
