"""Freezes the market table of a week, from closed sessions only: nothing of the future gets in.

A bar counts when its New York date is a session that has closed. What is missing is said in
notices; no price is ever filled in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from broker.models import Bar, Quote
from config.market_calendar import Session
from council.errors import NoPrices
from council.market.closed_bars import BarsBySymbol, closed_bars, session_date
from council.market.correlations import correlations_of
from council.market.indicators import indicators_of
from council.market.notices import quality_notices
from council.model.market import InstrumentSnapshot, MarketSnapshot
from council.ports import Deps

HISTORY_SESSIONS = 320
"""Enough for the average of 200 sessions with the exponential averages long settled."""

_HISTORY_DAYS = timedelta(days=480)
VOLATILITY_CLASS = "volatility"


async def take_snapshot(week_id: str, deps: Deps) -> MarketSnapshot:
    """Return the market table as of now.

    Raises:
        NoPrices: no instrument of the universe has any.
        VenueUnreachable: the source of prices does not answer.
    """
    now = deps.clock.now()
    sessions = _closed_sessions(now, deps)
    proxy = deps.config.assets.volatility_proxy
    bars = await _table_bars(sessions, deps)
    _check_any(bars, sessions, deps)
    listed = tuple(
        instrument_snapshot(i.symbol, bars[i.symbol], asset_class=i.asset_class)
        for i in deps.config.assets.instruments
        if i.enabled and bars[i.symbol]
    )
    fear = _proxy(proxy, bars[proxy])
    indicators = {line.symbol: line.indicators for line in (*listed, fear) if line}
    fields: dict[str, Any] = {
        "week_id": week_id,
        "as_of_at": now,
        "source": deps.market_data.source,
        "instruments": listed,
        "volatility_proxy": fear,
        "without_prices": tuple(s for s in deps.config.universe if not bars[s]),
        "notices": quality_notices(bars, sessions, indicators),
        "correlations": correlations_of({line.symbol: bars[line.symbol] for line in listed}),
    }
    return _sealed(fields)


async def read_ahead(deps: Deps) -> None:
    """Read the bars that a market table of now needs: one taken later asks only for newer ones.

    Raises:
        VenueUnreachable: the source of prices does not answer.
    """
    await _table_bars(_closed_sessions(deps.clock.now(), deps), deps)


async def current_numbers(
    symbols: Sequence[str], quotes: Mapping[str, Quote], deps: Deps
) -> dict[str, float]:
    """Return the numbers of `symbols` as they are now, by the ids of `MarketSnapshot.numbers`.

    During a session the newest of `quotes` stands in for the bar that is not there yet; a symbol
    without prices is absent.
    """
    sessions = _closed_sessions(deps.clock.now(), deps)
    bars = await closed_bars(symbols, sessions, deps)
    numbers: dict[str, float] = {}
    for symbol in symbols:
        known = _with_quote(bars[symbol], quotes.get(symbol), after_at=sessions[-1].close_at)
        if known:
            numbers |= instrument_snapshot(symbol, known, asset_class="").numbers()
    return numbers


def instrument_snapshot(
    symbol: str, bars: Sequence[Bar], *, asset_class: str
) -> InstrumentSnapshot:
    """Return the table's line of one instrument after the last of `bars`, of which there is one."""
    return InstrumentSnapshot(
        symbol=symbol,
        asset_class=asset_class,
        last_close=bars[-1].close,
        last_session_on=session_date(bars[-1]),
        indicators=indicators_of(bars),
    )


async def _table_bars(sessions: Sequence[Session], deps: Deps) -> BarsBySymbol:
    symbols = (*deps.config.universe, deps.config.assets.volatility_proxy)
    return await closed_bars(symbols, sessions, deps)


def _closed_sessions(now: datetime, deps: Deps) -> tuple[Session, ...]:
    last = deps.calendar.last_closed(now)
    sessions = deps.calendar.between(last.session_on - _HISTORY_DAYS, last.session_on)
    return sessions[-HISTORY_SESSIONS:]


def _check_any(bars: BarsBySymbol, sessions: Sequence[Session], deps: Deps) -> None:
    if not any(bars[symbol] for symbol in deps.config.universe):
        raise NoPrices(
            f"No instrument of assets.yaml has prices up to {sessions[-1].session_on} in "
            f"{deps.market_data.source}: choose another week or another source of prices."
        )


def _proxy(symbol: str, bars: Sequence[Bar]) -> InstrumentSnapshot | None:
    return instrument_snapshot(symbol, bars, asset_class=VOLATILITY_CLASS) if bars else None


def _with_quote(
    bars: tuple[Bar, ...], quote: Quote | None, *, after_at: datetime
) -> tuple[Bar, ...]:
    if quote is None or quote.at <= after_at:
        return bars
    middle = (quote.bid + quote.ask) / Decimal(2)
    known = (bars[-1].close, middle) if bars else (middle,)
    provisional = Bar(
        symbol=quote.symbol,
        start_at=quote.at,
        open=known[0],
        high=max(known),
        low=min(known),
        close=middle,
        volume=0,
    )
    return (*bars, provisional)


def _sealed(fields: dict[str, Any]) -> MarketSnapshot:
    unsealed = MarketSnapshot(**fields, content_hash="")
    return unsealed.model_copy(update={"content_hash": unsealed.computed_hash()})
