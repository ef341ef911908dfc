"""Where the exchange's prices come from: a synthetic market or a file of bars.

A source is a function of (symbol, time): it knows its whole history, so whoever serves it must cut
at now. Outside sessions the last close stands, and the quote's time says since when.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from broker.models import Bar, Quote
from config.clock import NEW_YORK
from config.market_calendar import MarketCalendar, Session, xnys

if TYPE_CHECKING:
    from broker.exchange.paths import MinuteBars, Ohlcv

HISTORY_START_ON = date(2016, 1, 1)
SYNTHETIC_SYMBOLS = (
    *("SPY", "QQQ", "IWM", "TLT", "IEF", "HYG", "LQD"),
    *("UUP", "GLD", "IAU", "USO", "BNO", "VIXY"),
)
MAX_STALE_SESSIONS = 10
"""A price older than this many sessions is no price any more."""
_KEPT_SESSIONS = 512
_CENT = Decimal("0.01")
_LEAST_HALF_SPREAD = Decimal("0.005")
_HALF_SPREAD_SHARE = Decimal("0.00005")
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LastTrade:
    """The newest trade of a symbol, and when it printed."""

    price: Decimal
    at: datetime


class PriceSource(Protocol):
    """Prices as a function of symbol and time, the future included."""

    @property
    def source(self) -> str:
        """Return "synthetic" or "file:NAME"."""
        ...

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that have prices, sorted."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """Return sentences on what is odd about the prices but no reason to refuse them."""
        ...

    def quote_at(self, symbol: str, at: datetime) -> Quote | None:
        """Return the quote that stood at `at`, or None for a symbol without prices then.

        `Quote.at` is `at` itself in a minute with prices, else the end of the last one before.
        """
        ...

    def trade_at(self, symbol: str, at: datetime) -> LastTrade | None:
        """Return the last trade at or before `at`, or None for a symbol without prices then."""
        ...

    def daily_bars(self, symbol: str, start_on: date, end_on: date) -> tuple[Bar, ...]:
        """Return the whole days from `start_on` to `end_on`, both included, dated at midnight."""
        ...

    def minute_bars(self, symbol: str, start_at: datetime, end_at: datetime) -> tuple[Bar, ...]:
        """Return the minutes that start from `start_at` to `end_at`, both included."""
        ...


class _SessionPrices(ABC):
    """Quotes and bars over sessions; a subclass says what a session's day and minutes were."""

    def __init__(self, calendar: MarketCalendar | None) -> None:
        self._calendar = calendar or xnys()
        self._kept: dict[tuple[str, date], MinuteBars | None] = {}

    def quote_at(self, symbol: str, at: datetime) -> Quote | None:
        """Return the quote that stood at `at`: a spread around the last trade, inside its bar."""
        found = self._minute_at(symbol, at)
        if found is None:
            return None
        bar, elapsed, quoted_at = found
        bid, ask = _spread_around(bar, elapsed)
        return Quote(symbol=symbol, bid=bid, ask=ask, at=quoted_at)

    def trade_at(self, symbol: str, at: datetime) -> LastTrade | None:
        """Return the last trade at or before `at`."""
        found = self._minute_at(symbol, at)
        return LastTrade(_price(found[0], found[1]), found[2]) if found else None

    def daily_bars(self, symbol: str, start_on: date, end_on: date) -> tuple[Bar, ...]:
        """Return the whole days from `start_on` to `end_on`."""
        days = (
            (_midnight(session.session_on), self._day(symbol, session))
            for session in self._calendar.between(start_on, end_on)
        )
        return tuple(_as_bar(symbol, start_at, day) for start_at, day in days if day)

    def minute_bars(self, symbol: str, start_at: datetime, end_at: datetime) -> tuple[Bar, ...]:
        """Return the minutes that start from `start_at` to `end_at`."""
        days = (start_at.astimezone(NEW_YORK).date(), end_at.astimezone(NEW_YORK).date())
        return tuple(
            bar
            for session in self._calendar.between(*days)
            for bar in self._bars_of(symbol, session)
            if start_at <= bar.start_at <= end_at
        )

    @abstractmethod
    def _day(self, symbol: str, session: Session) -> "Ohlcv | None":
        """Return what `session` was as a whole."""

    @abstractmethod
    def _minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        """Return the minutes of `session` that have prices."""

    def _bars_of(self, symbol: str, session: Session) -> Iterator[Bar]:
        minutes = self._kept_minutes(symbol, session)
        rows = zip(minutes.starts, minutes.bars, strict=True) if minutes else ()
        return (_as_bar(symbol, session.open_at + start * _MINUTE, bar) for start, bar in rows)

    def _minute_at(self, symbol: str, at: datetime) -> "tuple[Ohlcv, float, datetime] | None":
        """Return the minute that last traded by `at`, how much of it had passed, and since when."""
        for session in self._sessions_back_from(at):
            minutes = self._kept_minutes(symbol, session)
            passed = (at - session.open_at) / _MINUTE
            row = bisect_right(minutes.starts, passed) - 1 if minutes else -1
            if minutes and row >= 0:
                elapsed = min(1.0, passed - minutes.starts[row])
                ended_at = session.open_at + (minutes.starts[row] + 1) * _MINUTE
                return minutes.bars[row], elapsed, min(at, ended_at)
        return None

    def _sessions_back_from(self, at: datetime) -> Iterator[Session]:
        session = self._calendar.open_session(at) or self._calendar.last_closed(at)
        for _ in range(MAX_STALE_SESSIONS):
            yield session
            session = self._calendar.last_closed(session.open_at)

    def _kept_minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        key = (symbol, session.session_on)
        if key not in self._kept:
            while len(self._kept) >= _KEPT_SESSIONS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = self._minutes(symbol, session)
        return self._kept[key]


class SyntheticPrices(_SessionPrices):
    """The synthetic market of `seed`, from 2016 to the end of the calendar.

    Of `symbols` those are served that the synthetic market knows; `notices` names the others.
    """

    source = "synthetic"

    def __init__(
        self,
        seed: int,
        symbols: Collection[str] = SYNTHETIC_SYMBOLS,
        *,
        calendar: MarketCalendar | None = None,
    ) -> None:
        super().__init__(calendar)
        # numpy is paid for by those who ask for prices.
        from broker.exchange.synthetic import INSTRUMENTS, history  # noqa: PLC0415

        sessions = self._calendar.between(HISTORY_START_ON, date.max)
        self._seed = seed
        self._history = history(seed, len(sessions))
        self._session_numbers = {session.session_on: n for n, session in enumerate(sessions)}
        self._symbol_numbers = {s: n for n, s in enumerate(INSTRUMENTS) if s in symbols}
        self.symbols = tuple(sorted(self._symbol_numbers))
        self.notices = _unknown_notice(sorted(set(symbols) - set(INSTRUMENTS)), "synthetic market")

    def _day(self, symbol: str, session: Session) -> "Ohlcv | None":
        session_number = self._session_numbers.get(session.session_on)
        symbol_number = self._symbol_numbers.get(symbol)
        if session_number is None or symbol_number is None:
            return None
        return self._history.bar(session_number, symbol_number)

    def _minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        day = self._day(symbol, session)
        return _minutes_of_day(day, session, (self._seed, symbol)) if day else None


class FilePrices(_SessionPrices):
    """The bars of a CSV or Parquet file, daily or by the minute.

    Of the file's symbols those in `symbols` are served (all of them where it is None). Days are
    turned into minutes, and minutes added up to days, so both can be asked for. Raises
    BarsFileUnusable.
    """

    def __init__(
        self,
        path: Path,
        symbols: Collection[str] | None = None,
        *,
        calendar: MarketCalendar | None = None,
    ) -> None:
        super().__init__(calendar)
        # pandas is paid for by those who bring a file.
        from broker.exchange.bars_file import read_bars_file  # noqa: PLC0415

        bars = read_bars_file(path, self._calendar, known=symbols)
        self.source = f"file:{path.name}"
        self.symbols = tuple(sorted({symbol for symbol, _ in bars.days or bars.minutes}))
        self.notices = bars.notices
        self._bars = bars

    def _day(self, symbol: str, session: Session) -> "Ohlcv | None":
        key = (symbol, session.session_on)
        minutes = self._bars.minutes.get(key)
        return self._bars.days.get(key) if minutes is None else _added_up(minutes.bars)

    def _minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        key = (symbol, session.session_on)
        day = self._bars.days.get(key)
        return _minutes_of_day(day, session, key) if day else self._bars.minutes.get(key)


def _minutes_of_day(day: "Ohlcv", session: Session, key: tuple[object, ...]) -> "MinuteBars":
    # numpy is paid for by those who ask for prices.
    from broker.exchange.paths import minutes_inside  # noqa: PLC0415
    from broker.exchange.seeds import key_of  # noqa: PLC0415

    minutes = int((session.close_at - session.open_at) / _MINUTE)
    return minutes_inside(day, minutes, key_of("minutes", session.session_on, *key))


def _added_up(bars: "Sequence[Ohlcv]") -> "Ohlcv":
    return type(bars[0])(
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume for bar in bars),
    )


def _spread_around(bar: "Ohlcv", elapsed: float) -> tuple[Decimal, Decimal]:
    """Return bid and ask: one basis point or one cent apart, but never outside the bar."""
    middle, low, high = _price(bar, elapsed), _exact(bar.low), _exact(bar.high)
    half = max(_LEAST_HALF_SPREAD, middle * _HALF_SPREAD_SHARE)
    bid = (middle - half).quantize(_CENT, ROUND_FLOOR)
    ask = (middle + half).quantize(_CENT, ROUND_CEILING)
    return max(low, bid), min(high, ask)


def _price(bar: "Ohlcv", elapsed: float) -> Decimal:
    """Return the trade price inside `bar`: whole cents unless the bar's own prices are finer."""
    # numpy is paid for by those who ask for prices.
    from broker.exchange.paths import price_within  # noqa: PLC0415

    if elapsed >= 1.0:
        return _exact(bar.close)
    cents = Decimal(price_within(bar, elapsed)).quantize(_CENT)
    return min(_exact(bar.high), max(_exact(bar.low), cents))


def _as_bar(symbol: str, start_at: datetime, bar: "Ohlcv") -> Bar:
    return Bar(
        symbol=symbol,
        start_at=start_at,
        open=_exact(bar.open),
        high=_exact(bar.high),
        low=_exact(bar.low),
        close=_exact(bar.close),
        volume=bar.volume,
    )


def _exact(price: float) -> Decimal:
    """Return the decimal that was written in the file, not its binary neighbour."""
    return Decimal(repr(price))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)


def _unknown_notice(symbols: Sequence[str], where: str) -> tuple[str, ...]:
    return (f"No prices for {', '.join(symbols)} in the {where}.",) if symbols else ()
