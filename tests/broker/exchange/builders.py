"""Valid defaults for the exchange's values, and prices that a test can dictate."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from broker.exchange.book import entered
from broker.exchange.hours import TradingHours
from broker.exchange.orders import BookOrder, OrderDraft
from broker.exchange.rules import AssetRules, Standing, intent_of
from broker.models import Quote, Side
from config.market_calendar import xnys

WEDNESDAY_NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
NUMBER = "PASIM000001"


def make_hours() -> TradingHours:
    return TradingHours(xnys())


def make_draft(**changes: Any) -> OrderDraft:
    draft = OrderDraft("order-1", "SPY", Side.BUY, Decimal(10))
    return replace(draft, **changes)


def make_order(
    draft: OrderDraft,
    *,
    held: int = 0,
    at: datetime = WEDNESDAY_NOON,
    hours: TradingHours | None = None,
) -> BookOrder:
    intent = intent_of(draft, Decimal(held))
    return entered(draft, intent, account_number=NUMBER, at=at, hours=hours or make_hours())


def make_standing(**changes: Any) -> Standing:
    standing = Standing(
        asset=AssetRules("SPY"),
        quote=Quote("SPY", Decimal("99.99"), Decimal("100.01"), WEDNESDAY_NOON),
        held=Decimal(0),
        working=(),
        same_id=None,
        equity=Decimal(100_000),
        buying_power=Decimal(200_000),
    )
    return replace(standing, **changes)


def whole_fill_id(prefix: str = "order") -> str:
    """Return a client order id whose order fills in one part."""
    return _first_id(prefix, is_partial=False)


def partial_fill_id(prefix: str = "order") -> str:
    """Return a client order id whose order fills in two parts."""
    return _first_id(prefix, is_partial=True)


def _first_id(prefix: str, *, is_partial: bool) -> str:
    from broker.exchange.book import PARTIAL_SHARE
    from broker.exchange.seeds import fraction_of

    ids = (f"{prefix}-{number}" for number in range(1000))
    return next(one for one in ids if (fraction_of("partial", one) < PARTIAL_SHARE) is is_partial)


class DictatedPrices:
    """Quotes from a table of (from when, middle); one cent either way; none before the first."""

    def __init__(self, middles: Mapping[datetime, int | str]) -> None:
        self._middles = sorted((at, Decimal(middle)) for at, middle in middles.items())
        self.asked_at: list[datetime] = []

    def quote_at(self, symbol: str, at: datetime) -> Quote | None:
        self.asked_at.append(at)
        past = [middle for since, middle in self._middles if since <= at]
        cent = Decimal("0.01")
        return Quote(symbol, past[-1] - cent, past[-1] + cent, at) if past else None
