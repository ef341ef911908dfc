"""How much of an account its positions and orders bind: functions of prices, in dollars.

Initial margin is half of every position; maintenance follows the price of a share, as Alpaca's
table does.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from broker.exchange.ledger import Holding, Ledger, Valuation
from broker.exchange.orders import BookOrder, OrderDraft
from broker.models import Quote, Side

INITIAL_MARGIN = Decimal("0.5")
SHORT_COLLAR = Decimal("1.03")
"""A short sale is reserved at three percent above the ask."""
CONCENTRATED_SHARE = Decimal("0.7")
"""Above this share of the account one name needs more, if the account also owes much."""
CONCENTRATED_DEBIT_USD = Decimal(100_000)
_CONCENTRATED_RATE = Decimal("0.5")
_LEVERAGED_RATES = {1: Decimal(0), 2: Decimal("0.5"), 3: Decimal("0.75")}
_ZERO = Decimal(0)
_ONE = Decimal(1)

LeverageOf = Callable[[str], int]


def long_rate(price: Decimal, leverage: int = 1) -> Decimal:
    """Return the maintenance of a long share as a fraction of its price.

    `leverage` is that of the fund: 1, 2 or 3 times its index a day.
    """
    if price > 6:  # noqa: PLR2004 the borders are Alpaca's
        rate = Decimal("0.3")
    elif price >= Decimal("2.5"):
        rate = Decimal("0.5")
    else:
        rate = _ONE
    return max(rate, _LEVERAGED_RATES[leverage])


def short_rate(price: Decimal, leverage: int = 1) -> Decimal:
    """Return the maintenance of a short share as a fraction of its price: it may exceed one."""
    least, rate = (Decimal(5), Decimal("0.3")) if price >= 5 else (Decimal("2.5"), _ONE)  # noqa: PLR2004 the border is Alpaca's
    return max(least / price, rate, _LEVERAGED_RATES[leverage])


def valued(
    ledger: Ledger, prices: Mapping[str, Decimal], leverage_of: LeverageOf = lambda _symbol: 1
) -> Valuation:
    """Return the ledger at `prices`; a holding without a price counts at its entry price."""
    priced = [
        (holding, prices.get(holding.symbol, holding.average_price))
        for holding in ledger.holdings.values()
    ]
    values = [holding.quantity * price for holding, price in priced]
    equity = ledger.cash + sum(values, _ZERO)
    concentrated = equity * CONCENTRATED_SHARE if ledger.cash <= -CONCENTRATED_DEBIT_USD else None
    return Valuation(
        cash=ledger.cash,
        long_value=sum((value for value in values if value > 0), _ZERO),
        short_value=sum((value for value in values if value < 0), _ZERO),
        maintenance_margin=sum(
            (
                _maintenance(holding, price, leverage_of(holding.symbol), above=concentrated)
                for holding, price in priced
            ),
            _ZERO,
        ),
    )


def buying_power(worth: Valuation, multiplier: Decimal) -> Decimal:
    """Return multiplier times the equity that no margin binds; a cash account has its cash."""
    if multiplier <= 1:
        return max(worth.cash, _ZERO)
    return multiplier * max(worth.equity - INITIAL_MARGIN * worth.gross_value, _ZERO)


def order_value(draft: OrderDraft | BookOrder, quantity: Decimal, quote: Quote) -> Decimal:
    """Return what an opening order for `quantity` shares is counted at.

    A limit counts as such, a stop at the worse of itself and the market, a short sale at three
    percent above the ask or at its limit where that is higher.
    """
    limit, stop = draft.limit_price, draft.stop_price or _ZERO
    if draft.side is Side.SELL:
        return max(limit or _ZERO, quote.ask * SHORT_COLLAR) * quantity
    return (max(quote.ask, stop) if limit is None else limit) * quantity


def reserved_value(orders: Iterable[BookOrder], quotes: Mapping[str, Quote]) -> Decimal:
    """Return what working opening orders hold back of the buying power, in dollars."""
    return sum(
        (
            order_value(order, order.remaining, quotes[order.symbol])
            for order in orders
            if order.is_opening and order.symbol in quotes
        ),
        _ZERO,
    )


def _maintenance(
    holding: Holding, price: Decimal, leverage: int, *, above: Decimal | None
) -> Decimal:
    value = abs(holding.quantity) * price
    rate = (long_rate if holding.quantity > 0 else short_rate)(price, leverage)
    is_concentrated = above is not None and value > above
    return value * (max(rate, _CONCENTRATED_RATE) if is_concentrated else rate)
