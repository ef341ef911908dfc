"""Where the exchange's prices come from: a synthetic market or a file of bars; else Alpaca.

A source is a function of (symbol, time): it may know its whole history, so whoever serves it must
cut at now. Real prices are in `prices_alpaca`.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from broker.exchange.session_prices import LastTrade, SessionPrices, added_up
from broker.models import Bar, Quote
from config.market_calendar import MarketCalendar, Session

if TYPE_CHECKING:
    from broker.exchange.paths import MinuteBars, Ohlcv

__all__ = ["FilePrices", "LastTrade", "PriceSource", "SyntheticPrices"]

HISTORY_START_ON = date(2016, 1, 1)
SYNTHETIC_SYMBOLS = (
    *("SPY", "QQQ", "IWM", "TLT", "IEF", "HYG", "LQD"),
    *("UUP", "GLD", "IAU", "USO", "BNO", "VIXY"),
)
_KEPT_SESSIONS = 512
_KEPT_INSTANTS = 1024
_MINUTE = timedelta(minutes=1)


class PriceSource(Protocol):
    """Prices as a function of symbol and time, the future included where it is known.

    Any of the four readings may raise `broker.exchange.fetching.PricesAwaited`.
    """

    @property
    def source(self) -> str:
        """Return "synthetic", "file:NAME" or "alpaca"."""
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


class _KeptSessionPrices(SessionPrices):
    """Sessions whose minutes are made when they are first read, and kept for a while."""

    def __init__(self, calendar: MarketCalendar | None) -> None:
        super().__init__(calendar)
        self._kept: dict[tuple[str, date], MinuteBars | None] = {}
        # Several accounts are valued at one instant, and each is looked at more than once.
        self._quote_at = lru_cache(_KEPT_INSTANTS)(super().quote_at)
        self._trade_at = lru_cache(_KEPT_INSTANTS)(super().trade_at)

    def quote_at(self, symbol: str, at: datetime) -> Quote | None:
        """Return the quote that stood at `at`, which never changes."""
        return self._quote_at(symbol, at)

    def trade_at(self, symbol: str, at: datetime) -> LastTrade | None:
        """Return the last trade at or before `at`, which never changes."""
        return self._trade_at(symbol, at)

    def _minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        key = (symbol, session.session_on)
        if key not in self._kept:
            while len(self._kept) >= _KEPT_SESSIONS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = self._made_minutes(symbol, session)
        return self._kept[key]

    @abstractmethod
    def _made_minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        """Return the minutes of `session` that have prices."""


class SyntheticPrices(_KeptSessionPrices):
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

    def _days_of(self, symbol: str, sessions: Sequence[Session]) -> "Iterable[Ohlcv | None]":
        """Read the column at once, as a market table asks for years of every symbol."""
        symbol_number = self._symbol_numbers.get(symbol)
        known = [s for s in sessions if s.session_on in self._session_numbers]
        if symbol_number is None or not known:
            return (None for _ in sessions)
        first = self._session_numbers[known[0].session_on]
        bars = self._history.bars(first, first + len(known), symbol_number)
        return chain((None for _ in range(len(sessions) - len(known))), bars)

    def _made_minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        day = self._day(symbol, session)
        return _minutes_of_day(day, session, (self._seed, symbol)) if day else None


class FilePrices(_KeptSessionPrices):
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
        return self._bars.days.get(key) if minutes is None else added_up(minutes.bars)

    def _made_minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        key = (symbol, session.session_on)
        day = self._bars.days.get(key)
        return _minutes_of_day(day, session, key) if day else self._bars.minutes.get(key)


def _minutes_of_day(day: "Ohlcv", session: Session, key: tuple[object, ...]) -> "MinuteBars":
    # numpy is paid for by those who ask for prices.
    from broker.exchange.paths import minutes_inside  # noqa: PLC0415
    from broker.exchange.seeds import key_of  # noqa: PLC0415

    minutes = int((session.close_at - session.open_at) / _MINUTE)
    return minutes_inside(day, minutes, key_of("minutes", session.session_on, *key))


def _unknown_notice(symbols: Sequence[str], where: str) -> tuple[str, ...]:
    return (f"No prices for {', '.join(symbols)} in the {where}.",) if symbols else ()
