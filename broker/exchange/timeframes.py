"""The lengths of bars that Alpaca serves, and which bar an instant belongs to: pure arithmetic.

Bars of minutes and hours count from midnight in New York, weeks from Monday, months from January.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from config.clock import NEW_YORK

Unit = Literal["Min", "Hour", "Day", "Week", "Month"]

_WRITTEN = re.compile(r"([1-9]\d?)(Min|T|Hour|H|Day|D|Week|W|Month|M)")
_UNITS: dict[str, Unit] = {
    **{"Min": "Min", "Hour": "Hour", "Day": "Day", "Week": "Week", "Month": "Month"},
    **{"T": "Min", "H": "Hour", "D": "Day", "W": "Week", "M": "Month"},
}
_AMOUNTS: dict[Unit, frozenset[int]] = {
    "Min": frozenset(range(1, 60)),
    "Hour": frozenset(range(1, 24)),
    "Day": frozenset({1}),
    "Week": frozenset({1}),
    "Month": frozenset({1, 2, 3, 4, 6, 12}),
}
_MINUTES = {"Min": 1, "Hour": 60}
_LONGEST: dict[Unit, timedelta] = {
    "Min": timedelta(minutes=1),
    "Hour": timedelta(hours=1),
    "Day": timedelta(days=2),
    "Week": timedelta(days=8),
    "Month": timedelta(days=32),
}
"""Never shorter than the unit, whatever the clocks are turned by."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The length of a bar."""

    amount: int
    unit: Unit

    @property
    def is_of_minutes(self) -> bool:
        """Return whether such a bar is made of minutes, and not of days."""
        return self.unit in _MINUTES

    @property
    def is_base(self) -> bool:
        """Return whether bars of this length are there as they are."""
        return self.amount == 1 and self.unit in {"Min", "Day"}

    @property
    def longest(self) -> timedelta:
        """Return what no bar of this length is longer than."""
        return self.amount * _LONGEST[self.unit]

    def start_of(self, at: datetime) -> datetime:
        """Return the start of the bar that `at` belongs to, in UTC."""
        local = at.astimezone(NEW_YORK)
        if self.is_of_minutes:
            length = self.amount * _MINUTES[self.unit]
            passed = local.hour * 60 + local.minute
            return _at(local.date(), passed // length * length)
        return _at(self._first_day(local.date()), 0)

    def _first_day(self, day: date) -> date:
        if self.unit == "Week":
            return day - day.weekday() * _DAY
        if self.unit == "Month":
            return day.replace(month=(day.month - 1) // self.amount * self.amount + 1, day=1)
        return day


def parsed_timeframe(text: str) -> Timeframe | None:
    """Return the timeframe that Alpaca writes so, such as 5Min, 1H or 3Month, or None."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None
    amount, unit = int(written[1]), _UNITS[written[2]]
    return Timeframe(amount, unit) if amount in _AMOUNTS[unit] else None


def _at(day: date, minutes: int) -> datetime:
    wall = time(minutes // 60, minutes % 60)
    return datetime.combine(day, wall, NEW_YORK).astimezone(UTC)
