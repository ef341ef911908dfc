"""The clock of all processes of the chaos hour: faster than the machine's, and set forward.

Nights and weekends are skipped while nothing is under way. Minutes in which an order is under way
pass, so that a late request and the wait for it keep their proportion.
"""

import fcntl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from tests.system.faults.scaled_clock import ScaledClock

_BYTES: Final = 8
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class SharedClock:
    """Time of `running`, and what was skipped so far, which a file keeps for everybody."""

    skipped: Path
    running: ScaledClock

    @classmethod
    def started(cls, skipped: Path, start_at: datetime, speed: float) -> Self:
        """Return a clock that shows `start_at` now and passes `speed` seconds in one."""
        skipped.write_bytes(bytes(_BYTES))
        return cls(skipped, ScaledClock.started(start_at, speed))

    def now(self) -> datetime:
        """Return the instant in UTC."""
        return self.running.now() + self._skipped()

    async def sleep(self, duration: timedelta) -> None:
        """Wait for the part of `duration` that it takes on the machine."""
        await self.running.sleep(duration)

    def advance_to(self, instant: datetime) -> None:
        """Skip what is left until `instant`; an earlier one changes nothing."""
        # The kernel frees this lock of a process that is killed with it.
        with self.skipped.open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            ahead = instant - self.now()
            if ahead > timedelta(0):
                skipped = (self._skipped() + ahead) // _MICROSECOND
                file.write(skipped.to_bytes(_BYTES))

    def _skipped(self) -> timedelta:
        return int.from_bytes(self.skipped.read_bytes()) * _MICROSECOND
