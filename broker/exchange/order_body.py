"""What clients send to the order routes, as values; what cannot be meant is refused here.

Fields that Alpaca knows and this exchange does not simulate are refused by name, never ignored.
"""

import json
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from broker.exchange.errors import RequestRefused
from broker.exchange.hours import TimeInForce
from broker.exchange.orders import OrderChange, OrderDraft
from broker.exchange.rules import BAD_FIELD
from broker.models import PositionIntent, Side
from config.ids import random_id

UNDECODABLE = 40010000
LEAST_NOTIONAL_USD = Decimal(1)
_MOST = Decimal(10) ** 9
_SIMULATED_TIMES = frozenset({"day", "gtc"})


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("the database takes no NUL and no half of a surrogate pair")
    return text


_Price = Annotated[Decimal, Field(gt=0, le=_MOST, decimal_places=9)]
_ClientOrderId = Annotated[str, Field(max_length=128), AfterValidator(_printable)]
_TimeInForce = Literal["day", "gtc", "opg", "cls", "ioc", "fok"]


class _Body(BaseModel):
    # Alpaca ignores fields that it does not know, and so must whatever stands in for it.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _OrderBody(_Body):
    """The body of POST /v2/orders."""

    symbol: str = Field(min_length=1, max_length=20)
    side: Side
    type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
    time_in_force: _TimeInForce
    qty: _Price | None = None
    notional: _Price | None = None
    limit_price: _Price | None = None
    stop_price: _Price | None = None
    client_order_id: _ClientOrderId | None = None
    position_intent: PositionIntent | None = None
    order_class: str | None = None
    extended_hours: bool | None = None


class _ChangeBody(_Body):
    """The body of PATCH /v2/orders/{id}: only whole shares can be given."""

    qty: Annotated[Decimal, Field(gt=0, le=_MOST, multiple_of=Decimal(1))] | None = None
    notional: Any = None
    limit_price: _Price | None = None
    stop_price: _Price | None = None
    trail: Any = None
    time_in_force: _TimeInForce | None = None
    client_order_id: _ClientOrderId | None = None


_AnyBody = TypeVar("_AnyBody", bound=_Body)


def decoded(body: bytes) -> Any:
    """Return a JSON body with exact decimals; raises RequestRefused (400) for anything else."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(400, UNDECODABLE, "failed to decode request body") from error


def draft_of(body: Any) -> OrderDraft:
    """Return the order that a decoded body asks for; raises RequestRefused (422)."""
    order = _read(_OrderBody, body)
    complaint = _contradiction(order) or _not_simulated(order)
    if complaint:
        raise _field_refused(complaint)
    return OrderDraft(
        client_order_id=order.client_order_id or str(random_id()),
        symbol=order.symbol,
        side=order.side,
        quantity=order.qty or Decimal(0),
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        notional=order.notional,
        time_in_force=TimeInForce(order.time_in_force),
        position_intent=order.position_intent,
        extended_hours=bool(order.extended_hours),
    )


def change_of(body: Any) -> OrderChange:
    """Return the replacement that a decoded body asks for; raises RequestRefused (422)."""
    change = _read(_ChangeBody, body)
    if change.notional is not None:
        raise _field_refused("notional orders cannot be replaced")
    if change.trail is not None:
        raise _field_refused("trailing_stop orders not supported by the simulated exchange")
    if change.time_in_force and change.time_in_force not in _SIMULATED_TIMES:
        raise _field_refused(_unsupported_time(change.time_in_force))
    return OrderChange(
        client_order_id=change.client_order_id or str(random_id()),
        quantity=change.qty,
        limit_price=change.limit_price,
        stop_price=change.stop_price,
        time_in_force=TimeInForce(change.time_in_force) if change.time_in_force else None,
    )


def _read(model: type[_AnyBody], body: Any) -> _AnyBody:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _field_refused(_complaint(error)) from error


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else "body"
    return f"{field} is required" if first["type"] == "missing" else f"invalid {field}"


def _contradiction(order: _OrderBody) -> str | None:
    """Return what Alpaca would say of fields that do not go together."""
    return _wrong_amount(order) or _wrong_prices(order) or _wrong_hours(order)


def _wrong_amount(order: _OrderBody) -> str | None:
    if order.notional is None:
        return "qty or notional is required" if order.qty is None else None
    if order.qty is not None:
        return "only one of qty or notional is accepted"
    if order.notional < LEAST_NOTIONAL_USD:
        return "notional must be >= 1.00"
    if (order.type, order.time_in_force) != ("market", "day"):
        return "notional orders must be market orders with time_in_force day"
    return None


def _wrong_prices(order: _OrderBody) -> str | None:
    has_limit, has_stop = order.limit_price is not None, order.stop_price is not None
    complaints = {
        "market": (has_limit or has_stop, "market orders require no stop or limit price"),
        "limit": (not has_limit or has_stop, "limit orders require a limit price"),
        "stop": (not has_stop or has_limit, "stop orders require a stop price"),
        "stop_limit": (
            not (has_stop and has_limit),
            "stop limit orders require both a stop and a limit price",
        ),
    }
    is_wrong, complaint = complaints.get(order.type, (False, ""))
    if is_wrong and order.type == "limit" and has_limit:
        return "limit orders require only a limit price"
    if is_wrong and order.type == "stop" and has_stop:
        return "stop orders require only a stop price"
    return complaint if is_wrong else None


def _wrong_hours(order: _OrderBody) -> str | None:
    if order.extended_hours and order.type != "limit":
        return "extended hours orders must be limit orders"
    return None


def _not_simulated(order: _OrderBody) -> str | None:
    """Return what Alpaca may take but this exchange does not."""
    if order.type == "trailing_stop":
        return "trailing_stop orders not supported by the simulated exchange"
    if order.time_in_force not in _SIMULATED_TIMES:
        return _unsupported_time(order.time_in_force)
    if order.order_class not in {None, "", "simple"}:
        return f"{order.order_class} orders not supported by the simulated exchange"
    return None


def _unsupported_time(time_in_force: str) -> str:
    return f"time_in_force {time_in_force} not supported by the simulated exchange"


def _field_refused(message: str) -> RequestRefused:
    return RequestRefused(422, BAD_FIELD, message)
