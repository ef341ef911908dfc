"""A clock that several processes share and that runs faster than the machine's."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self


@dataclass(frozen=True)
class ScaledClock:
    """Time that began at `start_at` when the machine's monotonic clock showed `began` seconds.

    The monotonic clock is one for all processes of a machine, so equal values are equal clocks.
    """

    start_at: datetime
    began: float
    speed: float

    @classmethod
    def started(cls, start_at: datetime, speed: float) -> Self:
        """Return a clock that shows `start_at` now and passes `speed` seconds in one."""
        return cls(start_at.astimezone(UTC), time.monotonic(), speed)

    def now(self) -> datetime:
        """Return the scaled instant in UTC."""
        passed = (time.monotonic() - self.began) * self.speed
        return self.start_at + timedelta(seconds=passed)

    async def sleep(self, duration: timedelta) -> None:
        """Wait for the part of `duration` that it takes on the machine."""
        await asyncio.sleep(max(0.0, duration.total_seconds()) / self.speed)
