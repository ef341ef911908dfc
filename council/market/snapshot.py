"""Freezes the market table of a week, from closed sessions only: nothing of the future gets in.

A bar counts when its New York date is a session that has closed. What is missing is said in
notices; no price is ever filled in.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from broker.models import Bar, Quote
from config.clock import NEW_YORK
from config.market_calendar import Session
from council.errors import NoPrices
from council.market.correlations import correlations_of
from council.market.indicators import indicators_of
from council.market.notices import quality_notices
from council.model.market import InstrumentSnapshot, MarketSnapshot
from council.ports import Deps

HISTORY_SESSIONS = 320
"""Enough for the average of 200 sessions with the exponential averages long settled."""

_HISTORY_DAYS = timedelta(days=480)
VOLATILITY_CLASS = "volatility"

BarsBySymbol = Mapping[str, tuple[Bar, ...]]


async def take_snapshot(week_id: str, deps: Deps) -> MarketSnapshot:
    """Return the market table as of now.

    Raises:
        NoPrices: no instrument of the universe has any.
        VenueUnreachable: the source of prices does not answer.
    """
    now = deps.clock.now()
    sessions = _closed_sessions(now, deps)
    proxy = deps.config.assets.volatility_proxy
    bars = await _read_bars((*deps.config.universe, proxy), sessions, deps)
    _check_any(bars, sessions, deps)
    listed = tuple(
        instrument_snapshot(i.symbol, bars[i.symbol], asset_class=i.asset_class)
        for i in deps.config.assets.instruments
        if i.enabled and bars[i.symbol]
    )
    fields: dict[str, Any] = {
        "week_id": week_id,
        "as_of_at": now,
        "source": deps.market_data.source,
        "instruments": listed,
        "volatility_proxy": _proxy(proxy, bars[proxy]),
        "without_prices": tuple(s for s in deps.config.universe if not bars[s]),
        "notices": quality_notices(bars, sessions),
        "correlations": correlations_of({line.symbol: bars[line.symbol] for line in listed}),
    }
    return _sealed(fields)


async def current_numbers(symbols: Sequence[str], deps: Deps) -> dict[str, float]:
    """Return the numbers of `symbols` as they are now, by the ids of `MarketSnapshot.numbers`.

    During a session the newest quote stands in for the bar that is not there yet; a symbol without
    prices is absent.
    """
    sessions = _closed_sessions(deps.clock.now(), deps)
    bars = await _read_bars(symbols, sessions, deps)
    quotes = await deps.market_data.latest_quotes(symbols)
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


def session_date(bar: Bar) -> date:
    """Return the New York date of the session that `bar` belongs to."""
    return bar.start_at.astimezone(NEW_YORK).date()


def _closed_sessions(now: datetime, deps: Deps) -> tuple[Session, ...]:
    last = deps.calendar.last_closed(now)
    sessions = deps.calendar.between(last.session_on - _HISTORY_DAYS, last.session_on)
    return sessions[-HISTORY_SESSIONS:]


async def _read_bars(
    symbols: Sequence[str], sessions: Sequence[Session], deps: Deps
) -> BarsBySymbol:
    """Return one bar a session at most, oldest first, whatever else the source sends."""
    first, last = sessions[0].session_on, sessions[-1].session_on
    received = await deps.market_data.daily_bars(symbols, first, last)
    closed = {session.session_on for session in sessions}
    kept: dict[str, tuple[Bar, ...]] = {}
    for symbol in symbols:
        by_day = {session_date(bar): bar for bar in received.get(symbol, ())}
        kept[symbol] = tuple(by_day[day] for day in sorted(by_day) if day in closed)
    return kept


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
