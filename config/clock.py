"""The only home of now(): system, fixed and virtual clocks behind one interface."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
_KEPT_DATES: Final = 512
"""The days of a market table, and some to spare: other instants are asked for once."""


@lru_cache(_KEPT_DATES)
def new_york_date(at: datetime) -> date:
    """Return the date in New York at `at`; kept, as the days of every symbol are the same."""
    return at.astimezone(NEW_YORK).date()


class Clock(Protocol):
    """Time as the program sees it; instants are aware and in UTC."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Let `duration` pass on this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        """Wait for real."""
        await asyncio.sleep(duration.total_seconds())


class VirtualClock:
    """A clock that moves only when somebody sleeps on it or sets it: hours pass in milliseconds."""

    def __init__(self, start_at: datetime) -> None:
        self._now = _aware(start_at)

    def now(self) -> datetime:
        """Return the virtual instant in UTC."""
        return self._now

    async def sleep(self, duration: timedelta) -> None:
        """Move the clock by `duration` at once and let other tasks run."""
        self.advance_to(self._now + duration)
        await asyncio.sleep(0)

    def advance_to(self, instant: datetime) -> None:
        """Move the clock forward to `instant`; an earlier instant changes nothing."""
        self._now = max(self._now, _aware(instant))


class FixedClock:
    """A clock that stands still; sleeping returns at once."""

    def __init__(self, instant: datetime) -> None:
        self._now = _aware(instant)

    def now(self) -> datetime:
        """Return the fixed instant in UTC."""
        return self._now

    async def sleep(self, duration: timedelta) -> None:
        """Return at once: no time passes here."""
        await asyncio.sleep(0)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone: give an aware datetime")
    return instant.astimezone(UTC)
