"""What a portfolio that nobody traded would have earned, from a week's price marks: pure.

A book holds signed shares of its equity by symbol, bought at the week's entry and kept until the
next one; between them it drifts with the prices. Trading costs half the spread and a fixed amount
an order. What is still held at the end is marked, not sold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import fsum
from typing import Final

from council.analytics.inputs import Week
from council.analytics.outcomes import week_return

Holdings = Mapping[str, float]
"""Signed shares of equity by symbol, fractions; the rest is cash, which earns nothing."""

_NO_TRADE: Final = 1e-12
"""A change of share this small is rounding and no order."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading costs: `half_spread` as a fraction of the price, and US dollars an order."""

    half_spread: float = 0.0
    order_usd: float = 0.0

    def of(self, traded: Sequence[float], equity_usd: float) -> float:
        """Return the cost of orders over the shares of equity in `traded`, as such a share."""
        orders = [abs(share) for share in traded if abs(share) > _NO_TRADE]
        return fsum(orders) * self.half_spread + len(orders) * self.order_usd / equity_usd


@dataclass(frozen=True, slots=True)
class BookWeek:
    """One week of a book; the returns are None where a price is missing or nothing is left.

    `path` has the growth since the week's entry, 1.0 there before costs, at every mark that prices
    all that is held.
    """

    week_id: str
    holdings: Holdings
    gross_return: float | None
    cost: float
    """A fraction of the equity at the entry."""
    kept: bool
    """Whether the week gave the book nothing to do, so that it kept what it held."""
    path: tuple[tuple[datetime, float], ...] = ()
    net_return: float | None = field(init=False, compare=False)
    """What the week earned after costs."""

    def __post_init__(self) -> None:
        # Years of weeks are looked at again with every new one.
        earned = None if self.gross_return is None else self.gross_return - self.cost
        object.__setattr__(self, "net_return", earned)


def priced(
    weeks: Sequence[Week],
    targets: Sequence[Holdings | None],
    *,
    costs: Costs,
    equity_usd: float,
    known: Sequence[BookWeek] = (),
) -> tuple[BookWeek, ...]:
    """Return what a book with these `targets`, one a week, earned from `equity_usd` on.

    None as a target leaves what is held alone. A week that could not be priced leaves the book as
    it was at its entry; one that loses everything ends it. `known` are the lines of the first
    weeks, priced before by the same costs: they stand, and their targets are not looked at.
    """
    held: Holdings = {}
    found = list(known[: len(weeks)])
    for line in found:
        equity_usd *= max(_growth(line), 0.0)
    if found:
        # What is held follows from the line itself: those before it need not be looked at.
        held = _drifted(weeks[len(found) - 1], found[-1], _growth(found[-1]))
    for week, target in list(zip(weeks, targets, strict=True))[len(found) :]:
        line = _week(week, held, target, costs=costs, equity_usd=equity_usd)
        found.append(line)
        held = _drifted(week, line, _growth(line))
        equity_usd *= max(_growth(line), 0.0)
    return tuple(found)


def _week(
    week: Week, held: Holdings, target: Holdings | None, *, costs: Costs, equity_usd: float
) -> BookWeek:
    holdings = held if target is None else target
    moves = [week_return(week, symbol) for symbol in holdings]
    if equity_usd <= 0 or any(move is None for move in moves):
        return BookWeek(week.week_id, holdings, None, 0.0, target is None)
    changed = {s: holdings.get(s, 0.0) - held.get(s, 0.0) for s in {**held, **holdings}}
    cost = costs.of(list(changed.values()), equity_usd)
    gross = fsum(
        share * move
        for share, move in zip(holdings.values(), moves, strict=True)
        if move is not None
    )
    path = _path(week, holdings, cost)
    return BookWeek(week.week_id, holdings, gross, cost, target is None, path)


def _growth(line: BookWeek) -> float:
    return 1.0 + (line.net_return or 0.0)


def _drifted(week: Week, line: BookWeek, growth: float) -> Holdings:
    """Return the shares of equity at the end of the week of what is held since its entry."""
    if line.gross_return is None or growth <= 0:
        return line.holdings
    return {
        symbol: share * (1.0 + (week_return(week, symbol) or 0.0)) / growth
        for symbol, share in line.holdings.items()
    }


def _path(week: Week, holdings: Holdings, cost: float) -> tuple[tuple[datetime, float], ...]:
    entries = {symbol: price for symbol in holdings if (price := week.entry_price(symbol))}
    return tuple(
        (mark.at, 1.0 - cost + fsum(_gains(holdings, entries, mark.prices)))
        for mark in week.marks
        if all(symbol in mark.prices for symbol in holdings)
    )


def _gains(
    holdings: Holdings, entries: Mapping[str, Decimal], prices: Mapping[str, Decimal]
) -> list[float]:
    return [
        holdings[symbol] * (float(prices[symbol] / entry) - 1.0)
        for symbol, entry in entries.items()
    ]
