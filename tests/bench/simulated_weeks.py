"""How fast a simulation plays once it has played for years: late weeks beside early ones.

Two simulations, one far on and one near its beginning, play a week each in turns, so that whatever
else the machine does slows down both. The second began later: both play the same weeks of the
market, for one week's trades may take twice the time of another's.
"""

import asyncio
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tests.bench.frame import Measurement, Options
from tests.bench.servers import own_server

FIRST_WEEK = date(2016, 1, 6)
EARLY, LATE, COMPARED = 52, 520, 40
QUICK_EARLY, QUICK_LATE, QUICK_COMPARED = 3, 9, 3
LEAST_OF_EARLY = 0.9
_PROGRAM = "tests.bench.simulated_player"


@dataclass(frozen=True, slots=True)
class Player:
    """A process that plays a simulation, a week whenever it is told to."""

    process: asyncio.subprocess.Process

    async def week(self) -> float:
        """Play the next week; how many seconds it took."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"go on\n")
        await self.process.stdin.drain()
        said = await self.process.stdout.readline()
        if not said:
            raise RuntimeError("the simulation ended: read above why")
        return float(said)


async def weeks_a_second(options: Options) -> Sequence[Measurement]:
    """Compare the weeks after the 520th with those after the 52nd."""
    sizes = (QUICK_EARLY, QUICK_LATE, QUICK_COMPARED) if options.is_quick else None
    early, late, compared = sizes or (EARLY, LATE, COMPARED)
    early_seconds, late_seconds = await _in_turns(early, late, compared)
    return (
        Measurement(
            "simulate/weeks",
            f"simulate, weeks a second after week {late}",
            1 / statistics.median(late_seconds),
            "weeks/s",
            reference=f"after week {early}, in turns",
            reference_value=1 / statistics.median(early_seconds),
            sense=">=",
            bound=LEAST_OF_EARLY,
        ),
    )


async def _in_turns(early: int, late: int, compared: int) -> tuple[list[float], list[float]]:
    """Return how long each of `compared` weeks took after `early` and after `late` weeks."""
    later = FIRST_WEEK + timedelta(weeks=late - early)
    async with own_server() as server, _player(server, FIRST_WEEK, late + compared) as far:
        for _ in range(late):
            await far.week()
        async with _player(server, later, early + compared) as near:
            for _ in range(early):
                await near.week()
            pairs = [(await near.week(), await far.week()) for _ in range(compared)]
    return [first for first, _ in pairs], [second for _, second in pairs]


@asynccontextmanager
async def _player(server: str, first_week: date, weeks: int) -> AsyncIterator[Player]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _PROGRAM, server, first_week.isoformat(), str(weeks),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        yield Player(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
