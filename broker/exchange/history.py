"""An account's equity over time: which instants are asked for, and what it was worth at them.

Pure: prices come in as a function of the ledger and the instant. A window is labelled by its
beginning and valued at its end; a day is labelled and valued at its close.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from broker.exchange.hours import TradingHours
from broker.exchange.ledger import Ledger
from broker.exchange.orders import BookFill
from config.clock import NEW_YORK
from config.market_calendar import Session

HistoryFrame = Literal["1Min", "5Min", "15Min", "1H", "1D"]
Reporting = Literal["market_hours", "extended_hours", "continuous"]

FRAMES: dict[str, timedelta] = {
    "1Min": timedelta(minutes=1),
    "5Min": timedelta(minutes=5),
    "15Min": timedelta(minutes=15),
    "1H": timedelta(hours=1),
    "1D": timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class HistoryRange:
    """Which windows to report: those labelled from `start_at` to `end_at`, both included."""

    frame: HistoryFrame
    start_at: datetime
    end_at: datetime
    reporting: Reporting = "market_hours"
    resets_daily: bool = True


@dataclass(frozen=True, slots=True)
class HistoryWindow:
    """A window: its label, when it is valued, and the close that its profit is counted from."""

    label_at: datetime
    valued_at: datetime
    since_at: datetime


@dataclass(frozen=True, slots=True)
class PortfolioHistory:
    """Windows with the equity at each one's end and the equity that its profit is counted from."""

    frame: HistoryFrame
    windows: tuple[HistoryWindow, ...]
    equities: tuple[Decimal, ...]
    bases: tuple[Decimal, ...]


def windows_of(
    wanted: HistoryRange, hours: TradingHours, *, opened_at: datetime, now: datetime
) -> tuple[HistoryWindow, ...]:
    """Return the windows from the account's opening to now; a day counts once it is over."""
    last_at = min(wanted.end_at, now)
    found = _days(wanted, hours, last_at) if wanted.frame == "1D" else _parts(wanted, hours, now)
    inside = (window for window in found if wanted.start_at <= window.label_at <= last_at)
    # A new account has at least the window that is running.
    return tuple(one for one in inside if one.valued_at > opened_at or one.valued_at == now)


def history_of(
    windows: Sequence[HistoryWindow],
    wanted: HistoryRange,
    equity_at: Callable[[Iterable[datetime]], dict[datetime, Decimal]],
) -> PortfolioHistory:
    """Return the windows with their equities; `equity_at` says what the account was worth when."""
    first = windows[:1]
    since = [window.since_at if wanted.resets_daily else first[0].since_at for window in windows]
    worth = equity_at([*since, *(window.valued_at for window in windows)])
    return PortfolioHistory(
        frame=wanted.frame,
        windows=tuple(windows),
        equities=tuple(worth[window.valued_at] for window in windows),
        bases=tuple(worth[at] for at in since),
    )


def equities_at(
    instants: Iterable[datetime],
    starting_cash: Decimal,
    fills: Sequence[BookFill],
    *,
    worth: Callable[[Ledger, datetime], Decimal],
) -> dict[datetime, Decimal]:
    """Return the equity at each instant, from the fills up to and including it."""
    ledger, folded = Ledger(starting_cash, {}), 0
    equities: dict[datetime, Decimal] = {}
    for at in sorted(set(instants)):
        while folded < len(fills) and fills[folded].filled_at <= at:
            ledger, folded = ledger.after(fills[folded]), folded + 1
        equities[at] = worth(ledger, at)
    return equities


def _days(wanted: HistoryRange, hours: TradingHours, last_at: datetime) -> Iterable[HistoryWindow]:
    for session in _sessions(wanted.start_at, last_at, hours):
        close_at = session.close_at
        yield HistoryWindow(close_at, close_at, _close_before(session, hours))


def _parts(wanted: HistoryRange, hours: TradingHours, now: datetime) -> Iterable[HistoryWindow]:
    step = FRAMES[wanted.frame]
    if wanted.reporting == "continuous":
        yield from _around_the_clock(wanted, hours, now)
        return
    for session in _sessions(wanted.start_at, min(wanted.end_at, now), hours):
        shown = hours.widened(session) if wanted.reporting == "extended_hours" else session
        label_at = shown.open_at
        while label_at < shown.close_at:
            ended_at = min(label_at + step, shown.close_at, now)
            yield HistoryWindow(label_at, ended_at, _close_before(session, hours))
            label_at += step


def _around_the_clock(
    wanted: HistoryRange, hours: TradingHours, now: datetime
) -> Iterable[HistoryWindow]:
    step = FRAMES[wanted.frame]
    midnight = wanted.start_at.replace(hour=0, minute=0, second=0, microsecond=0)
    label_at = midnight + (wanted.start_at - midnight) // step * step
    while label_at <= min(wanted.end_at, now):
        since_at = hours.calendar.last_closed(label_at).close_at
        yield HistoryWindow(label_at, min(label_at + step, now), since_at)
        label_at += step


def _sessions(start_at: datetime, end_at: datetime, hours: TradingHours) -> tuple[Session, ...]:
    days = (start_at.astimezone(NEW_YORK).date(), end_at.astimezone(NEW_YORK).date())
    return hours.calendar.between(*days)


def _close_before(session: Session, hours: TradingHours) -> datetime:
    return hours.calendar.last_closed(session.open_at).close_at
