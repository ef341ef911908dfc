"""Equity over time as the charts take it: accounts from their marks, shadow books from their weeks.

A reference starts with what the chairman's account started with, where that began.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Final

from council.analytics.inputs import EquityMark
from council.analytics.shadow_books import Book, BookKind
from council.week_results import Results

Curve = tuple[tuple[datetime, Decimal | float], ...]

REFERENCES: Final = (BookKind.SPY.value, BookKind.FLAT.value)
_MOST_POINTS: Final = 300
"""Of a line: more would not be seen and make the page slow to open."""
_KEPT_OF_A_STRETCH: Final = 3


def equity_curves(results: Results) -> dict[str, Curve]:
    """Return every account's curve by name, then SPY's and that of cash where there are any."""
    curves = {name: _account_curve(name, results) for name in results.accounts}
    drawn = {name: _thinned(curve) for name, curve in curves.items() if curve}
    start = next(iter(curves.get(results.chairman) or ()), None)
    start = start or next((curve[0] for curve in curves.values() if curve), None)
    if start is None:
        return drawn
    for book in results.books:
        if book.kind.value in REFERENCES and (curve := _book_curve(book, start)):
            drawn[book.kind.value] = _thinned(curve)
    return drawn


def to_date_return(book: Book) -> float | None:
    """Return what all priced weeks of a book came to, None for none."""
    growth = 1.0
    for gained in book.returns.values():
        growth *= 1.0 + gained
    return growth - 1.0 if book.returns else None


def _account_curve(name: str, results: Results) -> Curve:
    owned = (week.account(name) for week in results.weeks)
    marks = _joined(own.marks for own in owned if own is not None)
    return tuple((mark.at, mark.equity_usd) for mark in marks)


def _joined(series: Iterable[Sequence[EquityMark]]) -> list[EquityMark]:
    by_time = {mark.at: mark for marks in series for mark in marks}
    return [by_time[at] for at in sorted(by_time)]


def _book_curve(book: Book, start: tuple[datetime, Decimal | float]) -> Curve:
    equity = float(start[1])
    points: dict[datetime, float] = {}
    for week in book.weeks:
        points |= {at: equity * growth for at, growth in week.path if at >= start[0]}
        equity *= 1.0 + (week.net_return or 0.0)
    return tuple(sorted(points.items()))


def _thinned(curve: Curve) -> Curve:
    """Keep the lowest, highest and last point of each stretch, so that no drawdown is lost."""
    if len(curve) <= _MOST_POINTS:
        return curve
    size = ceil(len(curve) * _KEPT_OF_A_STRETCH / _MOST_POINTS)
    kept = {curve[0]}
    for first in range(0, len(curve), size):
        stretch = curve[first : first + size]
        kept |= {min(stretch, key=_value), max(stretch, key=_value), stretch[-1]}
    return tuple(sorted(kept))


def _value(point: tuple[datetime, Decimal | float]) -> Decimal | float:
    return point[1]
