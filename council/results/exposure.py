"""What all accounts held together at their newest marks: pure.

Betas come from the closes that the weeks marked, up to sixty sessions of them and from thirty on;
before that, and of what has too few, they are the estimates of the newest market table.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from config.schema import Config
from council.analytics.inputs import Moment, Week
from council.analytics.lens import (
    WINDOW_SESSIONS,
    AccountHoldings,
    LensMarket,
    LookThrough,
    look_through,
    market_betas,
    market_betas_of,
)
from council.model.market import MarketSnapshot
from council.result_facts import EquityMarked

FEWEST_CLOSES: Final = 30


def exposure_of(
    weeks: Sequence[Week],
    newest: Sequence[EquityMarked],
    config: Config,
    snapshot: MarketSnapshot | None,
) -> LookThrough | None:
    """Return the look-through of the `newest` marks, one an account; None where there is none.

    `snapshot` is that of the newest week, for the correlations and the betas not known otherwise.
    """
    if not newest or snapshot is None:
        return None
    holdings = [
        AccountHoldings(
            mark.account, mark.equity_usd, {one.symbol: one.quantity for one in mark.positions}
        )
        for mark in newest
    ]
    known = {**market_betas_of(snapshot), **betas(weeks)}
    market = LensMarket(config.assets.instruments, _prices(weeks, newest), known, snapshot)
    return look_through(holdings, market)


def betas(weeks: Sequence[Week]) -> dict[str, float]:
    """Return the betas of all symbols that have a price at each of the newest closes."""
    closes = [
        mark.prices
        for week in weeks[-WINDOW_SESSIONS:]
        for mark in week.marks
        if mark.moment is Moment.CLOSE
    ]
    window = closes[-WINDOW_SESSIONS - 1 :]
    if len(window) < FEWEST_CLOSES:
        return {}
    symbols = [symbol for symbol in window[-1] if all(symbol in prices for prices in window)]
    lines = {symbol: [float(prices[symbol]) for prices in window] for symbol in symbols}
    return market_betas(lines, sessions=len(window) - 1)


def _prices(weeks: Sequence[Week], newest: Sequence[EquityMarked]) -> dict[str, Decimal]:
    """Return the newest price marked of each symbol, else the one that a venue put on it."""
    prices = {one.symbol: one.price for mark in newest for one in mark.positions}
    for mark in weeks[-1].marks if weeks else ():
        prices.update(mark.prices)
    return prices
