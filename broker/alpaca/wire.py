"""Alpaca's JSON as broker.models, by hand: the SDK's models fail on a new enum value or field.

Every function raises KeyError, TypeError, ValueError or ArithmeticError where the content is not
what it should be; the worker translates them. Money comes as strings (trading) or numbers (data).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from broker.models import (
    Account,
    Asset,
    Bar,
    MarketClock,
    Order,
    OrderRequest,
    OrderStatus,
    Position,
    Quote,
    Side,
)

Json = Mapping[str, Any]

_MOST_SHARES = 1_000_000_000
_KEPT_INSTANTS = 512
"""The days of a market table, and some to spare: other instants are asked for once."""


def account_from(content: Json) -> Account:
    """Return the account; any of Alpaca's three blocks counts as `trading_blocked`.

    An account that has seen no close yet has no last equity: its equity of now stands for it.
    """
    blocks = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
    return Account(
        account_number=_text(content["account_number"]),
        status=_text(content["status"]),
        cash=_decimal(content["cash"]),
        equity=_decimal(content["equity"]),
        last_equity=_decimal(content.get("last_equity") or content["equity"]),
        buying_power=_decimal(content["buying_power"]),
        long_market_value=_decimal(content.get("long_market_value") or "0"),
        short_market_value=_decimal(content.get("short_market_value") or "0"),
        shorting_enabled=_flag(content["shorting_enabled"]),
        trading_blocked=any(_flag(content.get(name) or False) for name in blocks),
    )


def asset_from(content: Json) -> Asset:
    """Return the asset; `borrow_status` replaces `easy_to_borrow`, which may be gone."""
    status = content.get("borrow_status")
    easy = status == "easy_to_borrow" if status else content.get("easy_to_borrow", False)
    return Asset(
        symbol=_text(content["symbol"]),
        tradable=_flag(content["tradable"]),
        shortable=_flag(content["shortable"]),
        easy_to_borrow=_flag(easy),
    )


def position_from(content: Json) -> Position:
    """Return the position with a signed quantity."""
    quantity = _decimal(content["qty"])
    return Position(
        symbol=_text(content["symbol"]),
        quantity=-abs(quantity) if content.get("side") == "short" else quantity,
        average_entry_price=_decimal(content["avg_entry_price"]),
        market_value=_decimal(content.get("market_value") or "0"),
        unrealized_profit=_decimal(content.get("unrealized_pl") or "0"),
    )


def order_from(content: Json) -> Order:
    """Return the order; one by notional has no quantity, so what is filled stands for it."""
    filled = _decimal(content.get("filled_qty") or "0")
    quantity, submitted = content.get("qty"), content.get("submitted_at") or content["created_at"]
    return Order(
        order_id=_text(content["id"]),
        client_order_id=_text(content["client_order_id"]),
        symbol=_text(content["symbol"]),
        side=Side(content["side"]),
        quantity=filled if quantity is None else _decimal(quantity),
        filled_quantity=filled,
        average_fill_price=_optional_decimal(content.get("filled_avg_price")),
        status=_status(content["status"]),
        submitted_at=instant_from(submitted),
        filled_at=instant_from(content["filled_at"]) if content.get("filled_at") else None,
        limit_price=_optional_decimal(content.get("limit_price")),
    )


def orders_from(rows: object) -> tuple[Order, ...]:
    """Return the orders of a list, in its order."""
    return tuple(order_from(json_object(row)) for row in json_list(rows))


def clock_from(content: Json) -> MarketClock:
    """Return the venue's clock."""
    return MarketClock(
        at=instant_from(content["timestamp"]),
        is_open=_flag(content["is_open"]),
        next_open_at=instant_from(content["next_open"]),
        next_close_at=instant_from(content["next_close"]),
    )


def bar_from(symbol: str, content: Json) -> Bar:
    """Return one bar of `symbol`."""
    return Bar(
        symbol=symbol,
        start_at=instant_from(content["t"]),
        open=_decimal(content["o"]),
        high=_decimal(content["h"]),
        low=_decimal(content["l"]),
        close=_decimal(content["c"]),
        volume=_shares(content["v"]),
    )


def quote_from(symbol: str, content: Json) -> Quote | None:
    """Return the quote, or None where a side is missing: outside hours Alpaca sends zero."""
    bid, ask = _decimal(content["bp"]), _decimal(content["ap"])
    if bid <= 0 or ask <= 0:
        return None
    return Quote(symbol=symbol, bid=bid, ask=ask, at=instant_from(content["t"]))


def order_body(request: OrderRequest) -> dict[str, str]:
    """Return the body of POST /v2/orders: a DAY order in whole shares, every number exact text.

    Raises:
        ValueError: the quantity is not a positive whole number, or the price is no price.
    """
    body = {
        "symbol": request.symbol,
        "qty": _whole_shares(request.quantity),
        "side": request.side.value,
        "type": "market" if request.limit_price is None else "limit",
        "time_in_force": "day",
        "client_order_id": request.client_order_id,
        "position_intent": request.position_intent.value,
    }
    if request.limit_price is not None:
        body["limit_price"] = _price(request.limit_price)
    return body


@lru_cache(_KEPT_INSTANTS)
def instant_from(text: str) -> datetime:
    """Return an aware UTC datetime; digits past the microsecond are cut off.

    It is kept, as the days of every symbol begin alike.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def json_object(answer: Any) -> Json:
    """Return the answer where it is a JSON object."""
    if not isinstance(answer, Mapping):
        raise TypeError("the answer is no JSON object")
    return answer


def json_list(answer: Any) -> list[Any]:
    """Return the answer where it is a JSON list."""
    if not isinstance(answer, list):
        raise TypeError("the answer is no JSON list")
    return answer


def _whole_shares(quantity: Decimal) -> str:
    if not (quantity.is_finite() and 0 < quantity <= _MOST_SHARES and quantity % 1 == 0):
        raise ValueError(f"{quantity} is not a positive number of whole shares: size it again.")
    return str(int(quantity))


def _shares(volume: str | int | float) -> int:
    # A market table has thousands of bars, and most volumes are whole as they come.
    return volume if type(volume) is int else int(_decimal(volume))


def _price(price: Decimal) -> str:
    if not (price.is_finite() and price > 0):
        raise ValueError(f"{price} is not a price above zero: price the order again.")
    return f"{price:f}"


def _status(text: str) -> OrderStatus:
    try:
        return OrderStatus(text)
    except ValueError:
        return OrderStatus.UNRECOGNISED


def _decimal(value: str | int | float) -> Decimal:
    if isinstance(value, bool):
        raise TypeError("a truth value is no number")
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"{value} is not finite")
    return number


def _optional_decimal(value: str | float | None) -> Decimal | None:
    return None if value is None else _decimal(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is no truth value")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is no text")
    return value
