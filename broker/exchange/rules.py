"""What the exchange refuses, with Alpaca's codes and words: functions of an account's standing.

The rules are asked in the order in which an account's own state comes first and its money last. A
refused order leaves no trace, so its client_order_id stays free.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from broker.exchange.configuration import AccountConfiguration
from broker.exchange.hours import TimeInForce
from broker.exchange.margin import order_value
from broker.exchange.orders import BookOrder, OrderDraft
from broker.models import PositionIntent, Quote, Side

BAD_FIELD = 40010001
UNFIT = 42210000
FORBIDDEN = 40310000
SHORTING_EQUITY_USD = Decimal(2000)
CLOSING_ONLY_SHARE = Decimal(6)
"""A position larger than this many times the equity may only be closed."""
PTP_NO_EXCEPTION = "ptp_no_exception"
_AS_OPENED = AccountConfiguration()
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order is refused: an HTTP status, Alpaca's code and body."""

    status: int
    code: int
    message: str
    extras: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssetRules:
    """What may be done with an instrument.

    `attributes` are Alpaca's words, such as ptp_no_exception; `leverage` is 2 or 3 for a fund that
    multiplies its index.
    """

    symbol: str
    shortable: bool = True
    easy_to_borrow: bool = True
    fractionable: bool = True
    attributes: tuple[str, ...] = ()
    leverage: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """All that an order is judged by.

    Attributes:
        asset: The instrument, None where the exchange does not know it.
        quote: Its quote now, None where there is no price.
        held: Signed shares of the instrument.
        working: The account's working orders, of all instruments.
        same_id: An earlier order with the draft's client_order_id.
        equity: The account's equity in dollars.
        buying_power: What it may still spend, open orders already taken off, in dollars.
        configuration: What the account's owner has set.
    """

    asset: AssetRules | None
    quote: Quote | None
    held: Decimal
    working: tuple[BookOrder, ...]
    same_id: BookOrder | None
    equity: Decimal
    buying_power: Decimal
    configuration: AccountConfiguration = _AS_OPENED


def intent_of(draft: OrderDraft, held: Decimal) -> PositionIntent:
    """Return what an order does to a position of `held` shares."""
    if draft.side is Side.BUY:
        return PositionIntent.BUY_TO_CLOSE if held < 0 else PositionIntent.BUY_TO_OPEN
    return PositionIntent.SELL_TO_CLOSE if held > 0 else PositionIntent.SELL_TO_OPEN


def refusal(draft: OrderDraft, standing: Standing) -> Refusal | None:
    """Return why the exchange refuses `draft`, or None where it takes it."""
    return next((found for rule in _RULES if (found := rule(draft, standing))), None)


def _suspended(_draft: OrderDraft, standing: Standing) -> Refusal | None:
    if not standing.configuration.suspend_trade:
        return None
    return Refusal(403, FORBIDDEN, "new orders are rejected by user request")


def _unknown_asset(draft: OrderDraft, standing: Standing) -> Refusal | None:
    if standing.asset is not None:
        return None
    return Refusal(422, UNFIT, f'asset "{draft.symbol}" not found')


def _sub_penny(draft: OrderDraft, _standing: Standing) -> Refusal | None:
    """Refuse prices finer than a cent, or than a hundredth of one below a dollar."""
    for name, price in (("limit_price", draft.limit_price), ("stop_price", draft.stop_price)):
        if price is not None and price != _in_pennies(price):
            wording = "sub-penny increment does not fulfill minimum pricing criteria"
            return Refusal(422, UNFIT, f"invalid {name} {price:f}. {wording}")
    return None


def _wrong_intent(draft: OrderDraft, standing: Standing) -> Refusal | None:
    inferred = intent_of(draft, standing.held)
    if draft.position_intent in {None, inferred}:
        return None
    return Refusal(
        422,
        UNFIT,
        f"position intent mismatch, inferred: {inferred}, specified: {draft.position_intent}",
    )


def _insufficient_quantity(draft: OrderDraft, standing: Standing) -> Refusal | None:
    """Refuse to close more than is held and free: that also keeps orders from crossing zero."""
    if _opens(draft, standing):
        return None
    holding = [one for one in standing.working if one.symbol == draft.symbol and not one.is_opening]
    held_for_orders = sum((order.remaining for order in holding), _ZERO)
    available = abs(standing.held) - held_for_orders
    if draft.quantity <= available:
        return None
    extras: dict[str, object] = {
        "available": _plain(available),
        "existing_qty": _plain(abs(standing.held)),
        "held_for_orders": _plain(held_for_orders),
        "symbol": draft.symbol,
    }
    if holding:
        extras["related_orders"] = [str(order.order_id) for order in holding]
    asked = f"requested: {_plain(draft.quantity)}, available: {_plain(available)}"
    message = f"insufficient qty available for order ({asked})"
    return Refusal(403, FORBIDDEN, message, extras)


def _wash_trade(draft: OrderDraft, standing: Standing) -> Refusal | None:
    for order in _opposite(draft, standing):
        if _could_meet(draft, order):
            kind = "market/stop" if order.limit_price is None else "limit"
            extras: dict[str, object] = {
                "existing_order_id": str(order.order_id),
                "reject_reason": f"opposite side {kind} order exists",
            }
            message = "potential wash trade detected. use complex orders"
            return Refusal(403, FORBIDDEN, message, extras)
    return None


def _cross_direction(draft: OrderDraft, standing: Standing) -> Refusal | None:
    """Refuse to open both ways at once."""
    if not _opens(draft, standing):
        return None
    if not any(order.is_opening for order in _opposite(draft, standing)):
        return None
    wording = {
        Side.BUY: "cannot open a long buy while a short sell order is open",
        Side.SELL: "cannot open a short sell while a long buy order is open",
    }
    return Refusal(403, FORBIDDEN, wording[draft.side])


def _duplicate_id(_draft: OrderDraft, standing: Standing) -> Refusal | None:
    if standing.same_id is None:
        return None
    code = UNFIT if standing.same_id.is_working else BAD_FIELD
    return Refusal(422, code, "client_order_id must be unique")


def _fractional(draft: OrderDraft, standing: Standing) -> Refusal | None:
    if draft.notional is None and draft.quantity % 1 == 0:
        return None
    if standing.asset and not standing.asset.fractionable:
        return Refusal(403, FORBIDDEN, f'asset "{draft.symbol}" is not fractionable')
    if not standing.configuration.fractional_trading:
        return Refusal(403, FORBIDDEN, "fractional trading is not enabled for this account")
    if draft.time_in_force is not TimeInForce.DAY:
        return Refusal(422, UNFIT, "fractional orders must be DAY orders")
    if _opens(draft, standing) and draft.side is Side.SELL:
        return Refusal(422, UNFIT, "fractional orders cannot be sold short")
    return None


def _not_shortable(draft: OrderDraft, standing: Standing) -> Refusal | None:
    asset = standing.asset
    if asset is None or draft.side is Side.BUY or not _opens(draft, standing):
        return None
    if not asset.shortable:
        return Refusal(422, UNFIT, f'asset "{draft.symbol}" cannot be sold short')
    if not asset.easy_to_borrow and draft.time_in_force is not TimeInForce.DAY:
        wording = "only day orders are allowed for hard-to-borrow asset"
        return Refusal(422, UNFIT, f'{wording} "{draft.symbol}"')
    is_poor = standing.equity < SHORTING_EQUITY_USD
    if is_poor or not standing.configuration.allows_shorting:
        return Refusal(403, FORBIDDEN, "account is not allowed to short")
    return None


def _untaxed_partnership(draft: OrderDraft, standing: Standing) -> Refusal | None:
    """Refuse to buy into a partnership without a tax notice unless the account asked for it."""
    asset = standing.asset
    if asset is None or PTP_NO_EXCEPTION not in asset.attributes:
        return None
    is_purchase = draft.side is Side.BUY and _opens(draft, standing)
    if not is_purchase or standing.configuration.ptp_no_exception_entry:
        return None
    return Refusal(403, FORBIDDEN, f'asset "{draft.symbol}" is a PTP without exception')


def _no_quote(draft: OrderDraft, standing: Standing) -> Refusal | None:
    if standing.quote is not None:
        return None
    return Refusal(403, FORBIDDEN, f"no available quote for symbol {draft.symbol}")


def _closing_only(draft: OrderDraft, standing: Standing) -> Refusal | None:
    """Refuse to add to a position that has outgrown the account."""
    if standing.quote is None or not standing.held or not _opens(draft, standing):
        return None
    size = abs(standing.held) * standing.quote.ask
    if size <= CLOSING_ONLY_SHARE * standing.equity:
        return None
    return Refusal(403, FORBIDDEN, "account is restricted to liquidation only")


def _insufficient_buying_power(draft: OrderDraft, standing: Standing) -> Refusal | None:
    if standing.quote is None or not _opens(draft, standing):
        return None
    cost = order_value(draft, draft.quantity, standing.quote)
    if cost <= standing.buying_power:
        return None
    extras: dict[str, object] = {
        "buying_power": f"{max(standing.buying_power, _ZERO):.2f}",
        "cost_basis": _plain(cost),
    }
    return Refusal(403, FORBIDDEN, "insufficient buying power", extras)


def _opens(draft: OrderDraft, standing: Standing) -> bool:
    opening = {PositionIntent.BUY_TO_OPEN, PositionIntent.SELL_TO_OPEN}
    return intent_of(draft, standing.held) in opening


def _opposite(draft: OrderDraft, standing: Standing) -> list[BookOrder]:
    same_symbol = [order for order in standing.working if order.symbol == draft.symbol]
    return [order for order in same_symbol if order.side is not draft.side]


def _could_meet(draft: OrderDraft, order: BookOrder) -> bool:
    """Return whether the two could trade with each other: always where one has no limit."""
    if draft.limit_price is None or order.limit_price is None:
        return True
    if draft.side is Side.BUY:
        return draft.limit_price >= order.limit_price
    return order.limit_price >= draft.limit_price


def _in_pennies(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.01" if price >= 1 else "0.0001"))


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


_RULES: tuple[Callable[[OrderDraft, Standing], Refusal | None], ...] = (
    _suspended,
    _unknown_asset,
    _sub_penny,
    _wrong_intent,
    _insufficient_quantity,
    _wash_trade,
    _cross_direction,
    _duplicate_id,
    _fractional,
    _not_shortable,
    _untaxed_partnership,
    _no_quote,
    _closing_only,
    _insufficient_buying_power,
)
"""In the order in which they are asked; the first that refuses is the answer."""
