"""Alpaca's JSON: what clients send becomes values, what the exchange knows Alpaca's shapes.

Money and quantities are strings without trailing zeros in the trading API, numbers in market data.
"""

import base64
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from broker.exchange.book import BookOrder, OrderDraft
from broker.exchange.desk import AccountReport, PositionReport
from broker.exchange.errors import RequestRefused
from broker.exchange.hours import TimeInForce
from broker.exchange.ledger import LONG_MAINTENANCE, MARGIN_MULTIPLIER
from broker.exchange.prices import LastTrade
from broker.exchange.rules import BAD_FIELD, AssetRules
from broker.exchange.tape import Snapshot
from broker.models import Bar, PositionIntent, Quote, Side
from config.clock import NEW_YORK
from config.ids import meaning_id, random_id
from config.market_calendar import Session

Json = dict[str, Any]

UNDECODABLE = 40010000
_NASDAQ = frozenset({"QQQ", "TLT", "IEF"})
_NEVER_SET = (
    *("failed_at", "replaced_at", "replaced_by", "replaces", "notional", "stop_price"),
    *("trail_percent", "trail_price", "hwm", "legs", "source", "subtag"),
)
"""Fields of an order that belong to what this exchange does not simulate."""
_CENT = Decimal("0.01")
_FINE = Decimal("0.000001")
_MAX_QUANTITY = Decimal(10) ** 9


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("the database takes no NUL and no half of a surrogate pair")
    return text


class OrderBody(BaseModel):
    """The body of POST /v2/orders; fields that Alpaca knows and we do not simulate are refused."""

    # Alpaca ignores fields that it does not know, and so must whatever stands in for it.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    symbol: str = Field(min_length=1, max_length=20)
    side: Side
    type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
    time_in_force: Literal["day", "gtc", "opg", "cls", "ioc", "fok"]
    qty: Decimal | None = Field(default=None, gt=0, le=_MAX_QUANTITY, decimal_places=9)
    notional: Decimal | None = None
    limit_price: Decimal | None = Field(default=None, gt=0, le=_MAX_QUANTITY)
    client_order_id: Annotated[str, AfterValidator(_printable)] | None = Field(
        default=None, max_length=128
    )
    position_intent: PositionIntent | None = None
    order_class: str | None = None
    extended_hours: bool | None = None


def draft_of(body: object) -> OrderDraft:
    """Return the order that a decoded body asks for; raises RequestRefused (422)."""
    try:
        order = OrderBody.model_validate(body)
    except ValidationError as error:
        raise _field_refused(_complaint(error)) from error
    complaint = _contradiction(order) or _not_simulated(order)
    if complaint or order.qty is None:
        raise _field_refused(complaint or "qty or notional is required")
    return OrderDraft(
        client_order_id=order.client_order_id or str(random_id()),
        symbol=order.symbol,
        side=order.side,
        quantity=order.qty,
        limit_price=order.limit_price,
        time_in_force=TimeInForce(order.time_in_force),
        position_intent=order.position_intent,
    )


def order_json(order: BookOrder) -> Json:
    """Return Alpaca's order object."""
    kind = "market" if order.limit_price is None else "limit"
    average = order.average_fill_price
    return {
        **dict.fromkeys(_NEVER_SET),
        "id": str(order.order_id),
        "client_order_id": order.client_order_id,
        "created_at": instant(order.submitted_at),
        "updated_at": instant(order.updated_at),
        "submitted_at": instant(order.submitted_at),
        "filled_at": order.filled_at and instant(order.filled_at),
        "expired_at": order.expired_at and instant(order.expired_at),
        "canceled_at": order.canceled_at and instant(order.canceled_at),
        "expires_at": instant(order.expires_at),
        "asset_id": _asset_id(order.symbol),
        "symbol": order.symbol,
        "asset_class": "us_equity",
        "qty": plain(order.quantity),
        "filled_qty": plain(order.filled_quantity),
        "filled_avg_price": None if average is None else plain(average.quantize(_FINE)),
        "order_class": "",
        "order_type": kind,
        "type": kind,
        "side": order.side.value,
        "position_intent": order.position_intent.value,
        "time_in_force": order.time_in_force.value,
        "limit_price": None if order.limit_price is None else plain(order.limit_price),
        "status": order.status.value,
        "extended_hours": False,
    }


def account_json(report: AccountReport) -> Json:
    """Return Alpaca's account object as it is since the pattern-day-trader fields are gone."""
    worth = report.valuation
    maintenance = LONG_MAINTENANCE * worth.gross_value
    money = {
        "cash": worth.cash,
        "equity": worth.equity,
        "portfolio_value": worth.equity,
        "last_equity": report.last_equity,
        "long_market_value": worth.long_value,
        "short_market_value": worth.short_value,
        "position_market_value": worth.gross_value,
        "initial_margin": worth.initial_margin,
        "maintenance_margin": maintenance,
        "last_maintenance_margin": maintenance,
        "buying_power": report.buying_power,
        "regt_buying_power": report.buying_power,
        "effective_buying_power": report.buying_power,
        "non_marginable_buying_power": report.buying_power / MARGIN_MULTIPLIER,
        "accrued_fees": Decimal(0),
        "sma": Decimal(0),
    }
    blocks = ("trading_blocked", "transfers_blocked", "account_blocked", "trade_suspended_by_user")
    return {
        "id": str(meaning_id("exchange-account", report.account_number)),
        "account_number": report.account_number,
        "status": "ACTIVE",
        "currency": "USD",
        "created_at": instant(report.opened_at),
        "multiplier": plain(MARGIN_MULTIPLIER),
        "shorting_enabled": True,
        **dict.fromkeys(blocks, False),
        **{name: plain(amount.quantize(_CENT)) for name, amount in money.items()},
    }


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
        "unrealized_intraday_plpc": plain((today / abs(value)).quantize(_FINE)),
        "current_price": plain(price),
        "lastday_price": plain(report.last_day_price),
        "change_today": plain((moved / report.last_day_price).quantize(_FINE)),
    }


def asset_json(asset: AssetRules) -> Json:
    """Return Alpaca's asset object, with the old and the new word for borrowing."""
    words = _asset_words(asset.symbol)
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
        "easy_to_borrow": asset.easy_to_borrow,
        "borrow_status": "easy_to_borrow" if asset.easy_to_borrow else "hard_to_borrow",
        "fractionable": True,
        "margin_requirement_long": "30",
        "margin_requirement_short": "30",
        "attributes": [],
    }


def calendar_json(session: Session) -> Json:
    """Return one row of the calendar, in New York wall time."""
    close_at = session.close_at.astimezone(NEW_YORK)
    return {
        "date": session.session_on.isoformat(),
        "open": session.open_at.astimezone(NEW_YORK).strftime("%H:%M"),
        "close": close_at.strftime("%H:%M"),
        "session_open": "0400",
        "session_close": "2000",
    }


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


def instant(at: datetime) -> str:
    """Return RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parsed_instant(text: str, name: str) -> datetime:
    """Return the instant that a query parameter says; a bare date is midnight UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise _field_refused(f"invalid {name}: {text}") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def page_token(symbol: str, last_at: datetime) -> str:
    """Return the token of the page after `last_at` of `symbol`."""
    return base64.urlsafe_b64encode(f"{symbol}|{instant(last_at)}".encode()).decode()


def parsed_page_token(token: str) -> tuple[str, datetime]:
    """Return the symbol and the instant after which a page starts."""
    try:
        symbol, at = base64.urlsafe_b64decode(token.encode()).decode().split("|")
        return symbol, datetime.fromisoformat(at)
    except ValueError as error:
        raise _field_refused("invalid page_token") from error


def _asset_words(symbol: str) -> Json:
    exchange = "NASDAQ" if symbol in _NASDAQ else "ARCA"
    words = {"symbol": symbol, "exchange": exchange, "asset_class": "us_equity"}
    return {"asset_id": _asset_id(symbol), **words}


def _asset_id(symbol: str) -> str:
    return str(meaning_id("exchange-asset", symbol))


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][-1]) if first["loc"] else "body"
    return f"{field} is required" if first["type"] == "missing" else f"invalid {field}"


def _contradiction(order: OrderBody) -> str | None:
    """Return what Alpaca would say of fields that do not go together."""
    if order.qty is not None and order.notional is not None:
        return "only one of qty or notional is accepted"
    if order.type == "limit" and order.limit_price is None:
        return "limit orders require a limit price"
    if order.type == "market" and order.limit_price is not None:
        return "market orders require no stop or limit price"
    return None


def _not_simulated(order: OrderBody) -> str | None:
    """Return what Alpaca may take but this exchange does not."""
    wanted = {
        f"{order.type} orders": order.type not in {"market", "limit"},
        "notional orders": order.notional is not None,
        f"time_in_force {order.time_in_force}": order.time_in_force not in {"day", "gtc"},
        f"{order.order_class} orders": order.order_class not in {None, "", "simple"},
        "extended hours": bool(order.extended_hours),
    }
    refused = next((what for what, is_wanted in wanted.items() if is_wanted), None)
    return f"{refused} not supported by the simulated exchange" if refused else None


def _field_refused(message: str) -> RequestRefused:
    return RequestRefused(422, BAD_FIELD, message)
