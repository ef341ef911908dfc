"""What an account owns, derived from its fills alone, and what that is worth."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from broker.exchange.orders import BookFill

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

    def after(self, fill: BookFill) -> "Ledger":
        """Return the ledger once `fill` is added."""
        others = {symbol: one for symbol, one in self.holdings.items() if symbol != fill.symbol}
        holding = _after(self.holdings.get(fill.symbol), fill)
        return Ledger(
            self.cash - fill.signed_quantity * fill.price,
            {**others, fill.symbol: holding} if holding.quantity else others,
        )


@dataclass(frozen=True, slots=True)
class Valuation:
    """A ledger at prices, all in dollars; `short_value` is zero or negative.

    `maintenance_margin` is the equity that the positions need to stay open.
    """

    cash: Decimal
    long_value: Decimal
    short_value: Decimal
    maintenance_margin: Decimal

    @property
    def equity(self) -> Decimal:
        """Return cash plus positions: short ones count below zero."""
        return self.cash + self.long_value + self.short_value

    @property
    def gross_value(self) -> Decimal:
        """Return the sum of the positions' sizes."""
        return self.long_value - self.short_value


def ledger_of(starting_cash: Decimal, fills: Iterable[BookFill]) -> Ledger:
    """Fold fills, oldest first, into cash and holdings."""
    ledger = Ledger(starting_cash, {})
    for fill in fills:
        ledger = ledger.after(fill)
    return ledger


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
