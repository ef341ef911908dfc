"""Alpaca's JSON of what the exchange knows: orders, positions, assets, sessions, market data.

Money and quantities are strings without trailing zeros in the trading API, numbers in market data.
"""

import base64
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from broker.exchange.errors import RequestRefused
from broker.exchange.margin import long_rate, short_rate
from broker.exchange.orders import BookOrder, TradeUpdate
from broker.exchange.prices import LastTrade
from broker.exchange.reports import PositionReport
from broker.exchange.rules import BAD_FIELD, AssetRules
from broker.exchange.tape import Snapshot
from broker.models import Bar, Quote
from config.clock import NEW_YORK
from config.ids import meaning_id
from config.market_calendar import Session

Json = dict[str, Any]

_NASDAQ = frozenset({"QQQ", "TLT", "IEF"})
_NEVER_SET = (
    *("failed_at", "trail_percent", "trail_price", "hwm"),
    *("legs", "source", "subtag"),
)
"""Fields of an order that belong to what this exchange does not simulate."""
_FIRST_INSTANT, _LAST_INSTANT = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Nothing is known beyond; near the ends of Python's own range dates cannot be reckoned with."""
_FINE = Decimal("0.000001")
_ORDINARY_PRICE = Decimal(100)
_KEPT_INSTANTS = 512
"""The days of a market table, and some to spare: other instants are asked for once."""


def order_json(order: BookOrder) -> Json:
    """Return Alpaca's order object; of an order by notional nobody knows the quantity."""
    average = order.average_fill_price
    return {
        **dict.fromkeys(_NEVER_SET),
        **_times_of(order),
        "id": str(order.order_id),
        "client_order_id": order.client_order_id,
        "replaced_by": order.replaced_by and str(order.replaced_by),
        "replaces": order.replaces and str(order.replaces),
        "asset_id": _asset_id(order.symbol),
        "symbol": order.symbol,
        "asset_class": "us_equity",
        "notional": _optional(order.notional),
        "qty": plain(order.quantity) if order.notional is None else None,
        "filled_qty": plain(order.filled_quantity),
        "filled_avg_price": None if average is None else plain(average.quantize(_FINE)),
        "order_class": "",
        "order_type": order.kind.value,
        "type": order.kind.value,
        "side": order.side.value,
        "position_intent": order.position_intent.value,
        "time_in_force": order.time_in_force.value,
        "limit_price": _optional(order.limit_price),
        "stop_price": _optional(order.stop_price),
        "status": order.status.value,
        "extended_hours": order.extended_hours,
    }


def trade_update_json(update: TradeUpdate) -> Json:
    """Return the `data` of Alpaca's message on its stream `trade_updates`."""
    event: Json = {
        "event": update.event.value,
        "order": order_json(update.order),
        "timestamp": instant(update.at),
    }
    if update.execution_id is None:
        return event
    amounts = {
        "price": update.price,
        "qty": update.quantity,
        "position_qty": update.position_quantity,
    }
    shown = {name: plain(amount) for name, amount in amounts.items() if amount is not None}
    return {**event, **shown, "execution_id": str(update.execution_id)}


def position_json(report: PositionReport) -> Json:
    """Return Alpaca's position object: a short one has negative quantity, value and cost."""
    holding, price = report.holding, report.price
    value, cost = holding.quantity * price, holding.cost
    gained = value - cost
    moved = price - report.last_day_price
    today = moved * holding.quantity
    return {
        **_asset_words(holding.symbol),
        "asset_marginable": True,
        "avg_entry_price": plain(holding.average_price.quantize(_FINE)),
        "qty": plain(holding.quantity),
        "qty_available": plain(report.available),
        "side": "long" if holding.quantity > 0 else "short",
        "market_value": plain(value.quantize(_FINE)),
        "cost_basis": plain(cost.quantize(_FINE)),
        "unrealized_pl": plain(gained.quantize(_FINE)),
        "unrealized_plpc": plain((gained / abs(cost)).quantize(_FINE)),
        "unrealized_intraday_pl": plain(today.quantize(_FINE)),
        "unrealized_intraday_plpc": plain((today / abs(value - today)).quantize(_FINE)),
        "current_price": plain(price),
        "lastday_price": plain(report.last_day_price),
        "change_today": plain((moved / report.last_day_price).quantize(_FINE)),
    }


def asset_json(asset: AssetRules, *, sends_easy_to_borrow: bool = True) -> Json:
    """Return Alpaca's asset object, with or without the old word for borrowing.

    The margin requirements are percentages for a share of an ordinary price.
    """
    words = _asset_words(asset.symbol)
    long_rate_, short_rate_ = (
        rate(_ORDINARY_PRICE, asset.leverage) for rate in (long_rate, short_rate)
    )
    return {
        "id": words["asset_id"],
        "class": words["asset_class"],
        "exchange": words["exchange"],
        "symbol": asset.symbol,
        "name": f"{asset.symbol} (simulated)",
        "status": "active",
        "tradable": True,
        "marginable": True,
        "shortable": asset.shortable,
        **({"easy_to_borrow": asset.easy_to_borrow} if sends_easy_to_borrow else {}),
        "borrow_status": "easy_to_borrow" if asset.easy_to_borrow else "hard_to_borrow",
        "fractionable": asset.fractionable,
        "margin_requirement_long": plain(100 * long_rate_),
        "margin_requirement_short": plain(100 * short_rate_),
        "attributes": list(asset.attributes),
    }


def calendar_json(session: Session, widened: Session, settled_on: date) -> Json:
    """Return one row of the calendar, in New York wall time."""
    return {
        "date": session.session_on.isoformat(),
        "open": _wall_time(session.open_at, "%H:%M"),
        "close": _wall_time(session.close_at, "%H:%M"),
        "session_open": _wall_time(widened.open_at, "%H%M"),
        "session_close": _wall_time(widened.close_at, "%H%M"),
        "settlement_date": settled_on.isoformat(),
    }


def error_json(refused: RequestRefused) -> Json:
    """Return Alpaca's error body; it has no code where Alpaca sends none."""
    code = {} if refused.code is None else {"code": refused.code}
    return {**code, "message": str(refused), **refused.extras}


def bar_json(bar: Bar) -> Json:
    """Return a bar as market data spells it; nobody counts trades, so `n` follows the volume."""
    middle = (bar.high + bar.low + bar.close) / 3
    return {
        "t": instant(bar.start_at),
        "o": float(bar.open),
        "h": float(bar.high),
        "l": float(bar.low),
        "c": float(bar.close),
        "v": bar.volume,
        "n": bar.volume // 100,
        "vw": float(middle.quantize(_FINE)),
    }


def quote_json(quote: Quote) -> Json:
    """Return a quote as market data spells it; sizes are not simulated and say one round lot."""
    sizes = {"as": 1, "bs": 1, "ax": "V", "bx": "V", "c": ["R"], "z": "B"}
    return {"t": instant(quote.at), "ap": float(quote.ask), "bp": float(quote.bid), **sizes}


def trade_json(trade: LastTrade) -> Json:
    """Return a trade as market data spells it."""
    number = int(trade.at.timestamp() * 1000)
    return {"t": instant(trade.at), "p": float(trade.price), "s": 100, "x": "V", "i": number}


def snapshot_json(snapshot: Snapshot) -> Json:
    """Return a snapshot; bars that do not exist yet are null."""
    return {
        "latestTrade": trade_json(snapshot.trade),
        "latestQuote": quote_json(snapshot.quote),
        "minuteBar": snapshot.minute and bar_json(snapshot.minute),
        "dailyBar": snapshot.day and bar_json(snapshot.day),
        "prevDailyBar": snapshot.previous_day and bar_json(snapshot.previous_day),
    }


def plain(amount: Decimal) -> str:
    """Return a decimal without exponent and without trailing zeros."""
    return format(amount.normalize(), "f") if amount else "0"


@lru_cache(_KEPT_INSTANTS)
def instant(at: datetime) -> str:
    """Return RFC 3339 in UTC; kept, as the days of every symbol begin alike."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parsed_instant(text: str, name: str) -> datetime:
    """Return the instant that a query parameter says; a bare date is midnight UTC.

    One before 1900 or after 2200 counts as these.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise _field_refused(f"invalid {name}: {text}") from error
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(aware, _FIRST_INSTANT), _LAST_INSTANT)


def page_token(symbol: str, last_at: datetime) -> str:
    """Return the token of the page after `last_at` of `symbol`."""
    return base64.urlsafe_b64encode(f"{symbol}|{instant(last_at)}".encode()).decode()


def parsed_page_token(token: str) -> tuple[str, datetime]:
    """Return the symbol and the instant after which a page starts."""
    try:
        symbol, at = base64.urlsafe_b64decode(token.encode()).decode().split("|")
        return symbol, parsed_instant(at, "page_token")
    except ValueError as error:
        raise _field_refused("invalid page_token") from error


def _times_of(order: BookOrder) -> Json:
    times = {
        "created_at": order.submitted_at,
        "updated_at": order.updated_at,
        "submitted_at": order.submitted_at,
        "filled_at": order.filled_at,
        "expired_at": order.expired_at,
        "canceled_at": order.canceled_at,
        "replaced_at": order.replaced_at,
        "expires_at": order.expires_at,
    }
    return {name: at and instant(at) for name, at in times.items()}


def _optional(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def _wall_time(at: datetime, form: str) -> str:
    return at.astimezone(NEW_YORK).strftime(form)


def _asset_words(symbol: str) -> Json:
    exchange = "NASDAQ" if symbol in _NASDAQ else "ARCA"
    words = {"symbol": symbol, "exchange": exchange, "asset_class": "us_equity"}
    return {"asset_id": _asset_id(symbol), **words}


@cache
def _asset_id(symbol: str) -> str:
    return str(meaning_id("exchange-asset", symbol))


def _field_refused(message: str) -> RequestRefused:
    return RequestRefused(422, BAD_FIELD, message)
