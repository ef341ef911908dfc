"""What an account owns, derived from its fills alone, and what that is worth."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from broker.exchange.book import BookFill

MARGIN_MULTIPLIER = Decimal(2)
INITIAL_MARGIN = Decimal("0.5")
LONG_MAINTENANCE = Decimal("0.3")
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Holding:
    """A signed position, never of quantity zero, and its mean entry price."""

    symbol: str
    quantity: Decimal
    average_price: Decimal

    @property
    def cost(self) -> Decimal:
        """Return what the position cost, negative for a short one."""
        return self.quantity * self.average_price


@dataclass(frozen=True, slots=True)
class Ledger:
    """Cash and holdings after some fills."""

    cash: Decimal
    holdings: Mapping[str, Holding]

    def quantity(self, symbol: str) -> Decimal:
        """Return the signed shares held of `symbol`, 0 for none."""
        holding = self.holdings.get(symbol)
        return holding.quantity if holding else _ZERO


@dataclass(frozen=True, slots=True)
class Valuation:
    """A ledger at prices, all in dollars; `short_value` is zero or negative."""

    cash: Decimal
    long_value: Decimal
    short_value: Decimal

    @property
    def equity(self) -> Decimal:
        """Return cash plus positions: short ones count below zero."""
        return self.cash + self.long_value + self.short_value

    @property
    def gross_value(self) -> Decimal:
        """Return the sum of the positions' sizes."""
        return self.long_value - self.short_value

    @property
    def initial_margin(self) -> Decimal:
        """Return half of every position."""
        return INITIAL_MARGIN * self.gross_value

    @property
    def buying_power(self) -> Decimal:
        """Return multiplier times the equity that no margin binds, before open orders."""
        return MARGIN_MULTIPLIER * max(self.equity - self.initial_margin, _ZERO)


def ledger_of(starting_cash: Decimal, fills: Iterable[BookFill]) -> Ledger:
    """Fold fills, oldest first, into cash and holdings."""
    cash, holdings = starting_cash, dict[str, Holding]()
    for fill in fills:
        cash -= fill.signed_quantity * fill.price
        after = _after(holdings.pop(fill.symbol, None), fill)
        if after.quantity:
            holdings[fill.symbol] = after
    return Ledger(cash, holdings)


def valued(ledger: Ledger, prices: Mapping[str, Decimal]) -> Valuation:
    """Return the ledger at `prices`; a holding without a price counts at its entry price."""
    values = [
        holding.quantity * prices.get(holding.symbol, holding.average_price)
        for holding in ledger.holdings.values()
    ]
    return Valuation(
        cash=ledger.cash,
        long_value=sum((value for value in values if value > 0), _ZERO),
        short_value=sum((value for value in values if value < 0), _ZERO),
    )


def _after(before: Holding | None, fill: BookFill) -> Holding:
    """Add one fill: increases move the mean entry price, decreases leave it."""
    if before is None:
        return Holding(fill.symbol, fill.signed_quantity, fill.price)
    quantity = before.quantity + fill.signed_quantity
    increases = (before.quantity > 0) == (fill.signed_quantity > 0)
    if not increases or not quantity:
        return Holding(fill.symbol, quantity, before.average_price)
    cost = before.cost + fill.signed_quantity * fill.price
    return Holding(fill.symbol, quantity, cost / quantity)
