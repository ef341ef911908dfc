"""Axes that read well: round steps, dollars and fractions in words, dates on days or months."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil, floor, log10
from typing import Final

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_DAY_STEPS: Final = (1, 2, 7, 14, 28)
_MONTH_STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120)
_MOST_DATES: Final = 5
_DAYS_OF_A_YEAR: Final = 300
_THOUSANDS_FROM: Final = 10_000
_MILLIONS_FROM: Final = 2_000_000
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Axis:
    """What a stretch of the drawing shows: values from `low` to `high`, drawn `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where `value` is drawn; the middle where the axis has no length."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def round_ticks(low: float, high: float, *, most: int = 6) -> tuple[float, ...]:
    """Return at most `most` round values, the first at or below `low`, the last at or above `high`.

    A flat series gets room on both sides.
    """
    if high - low <= max(abs(low), abs(high), 1e-3) * 1e-9:
        room = abs(high) * 0.01 or 1.0
        low, high = low - room, high + room
    step = _round_up((high - low) / (most - 1))
    while ceil(high / step) - floor(low / step) >= most:
        step = _round_up(step * 1.01)
    return tuple(step * count for count in range(floor(low / step), ceil(high / step) + 1))


def dollars(ticks: Sequence[float]) -> tuple[str, ...]:
    """Return the ticks as dollars, all in one unit and with as many places as the step asks."""
    largest = max(map(abs, ticks))
    scale, unit = 1.0, ""
    if largest >= _THOUSANDS_FROM:
        scale, unit = (1e6, "M") if largest >= _MILLIONS_FROM else (1e3, "k")
    places = _places(ticks, scale)
    return tuple(signed(tick / scale, places=places, before="$", after=unit) for tick in ticks)


def percents(ticks: Sequence[float]) -> tuple[str, ...]:
    """Return fractions as percent."""
    places = _places(ticks, 0.01)
    return tuple(signed(tick * 100, places=places, after="%") for tick in ticks)


def signed(
    value: float, *, places: int = 0, before: str = "", after: str = "", plus: bool = False
) -> str:
    """Return a figure with a true minus sign before the currency, and never a negative zero."""
    size = f"{abs(value):,.{places}f}"
    if not any(digit in "123456789" for digit in size):
        return f"{before}{size}{after}"
    sign = "\N{MINUS SIGN}" if value < 0 else "+" if plus else ""
    return f"{sign}{before}{size}{after}"


def day_number(moment: date) -> float:
    """Return days since the year 1; an aware instant counts in UTC, with its part of the day."""
    if not isinstance(moment, datetime):
        return float(moment.toordinal())
    clear = moment.astimezone(UTC) if moment.tzinfo else moment
    midnight = datetime.combine(clear.date(), time.min, tzinfo=clear.tzinfo)
    return clear.toordinal() + (clear - midnight) / _DAY


def date_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Return at most five days or firsts of months between two day numbers, with their labels."""
    if ceil(low) > floor(high):  # All within one day: that day, where the span begins.
        return ((low, _label(date.fromordinal(floor(low)), days=0)),)
    first, last = date.fromordinal(ceil(low)), date.fromordinal(floor(high))
    days = (last - first).days
    for step in _DAY_STEPS:
        if days // step < _MOST_DATES:
            found = [first + timedelta(days=n) for n in range(0, days + 1, step)]
            return tuple((float(on.toordinal()), _label(on, days=days)) for on in found)
    found = _months(first, last)
    return tuple((float(on.toordinal()), _label(on, days=days)) for on in found)


def day_label(day: float) -> str:
    """Return the day of a day number, without its year."""
    return _label(date.fromordinal(floor(day)), days=0)


def _round_up(step: float) -> float:
    power = 10.0 ** floor(log10(step))
    return next(nice * power for nice in _STEPS if nice * power >= step * (1 - 1e-9))


def _places(ticks: Sequence[float], scale: float) -> int:
    step = abs(ticks[1] - ticks[0]) / scale
    fitting = (p for p in range(6) if abs(round(step, p) - step) <= step * 1e-6)
    return next(fitting, 6)


def _months(first: date, last: date) -> list[date]:
    count = (last.year - first.year) * 12 + last.month - first.month
    starts = [_first_of(first.year * 12 + first.month - 1 + n) for n in range(count + 1)]
    inside = [on for on in starts if on >= first]
    step = next((s for s in _MONTH_STEPS if len(inside) <= s * _MOST_DATES), len(inside))
    anchored = [on for on in inside if (on.year * 12 + on.month - 1) % step == 0]
    return anchored or inside[:1]


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _label(on: date, *, days: int) -> str:
    return f"{on:%b} {on.year}" if days > _DAYS_OF_A_YEAR else f"{on.day} {on:%b}"
