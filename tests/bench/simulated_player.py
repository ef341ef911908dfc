"""Plays a simulation a week at a time: each line of standard input asks for one more.

Arguments: a database server's address, the first week and the number of weeks. Each week's seconds
are a line.
"""

import asyncio
import sys
import tempfile
from datetime import date
from pathlib import Path
from time import perf_counter

from config.loader import load_config
from config.logs import configure_logs
from config.settings import load_settings
from council.simulate import SimulationPlan, hash_of
from mcp_server.simulating import simulate
from mcp_server.simulation_run import WeekDone


class Gate:
    """Lets the simulation pass into its next week when it is asked for."""

    def __init__(self) -> None:
        self._began: float | None = None

    def __call__(self, told: WeekDone) -> None:
        """Tell what the week took, then wait for the word: nothing else is under way meanwhile."""
        if self._began is not None:
            sys.stdout.write(f"{perf_counter() - self._began:.6f}\n")
            sys.stdout.flush()
        if told.done < told.weeks and not sys.stdin.readline():
            sys.exit(1)
        self._began = perf_counter()


async def main(server: str, first_week: date, weeks: int, home: Path) -> None:
    """Play `weeks` weeks from `first_week` on in a database of `server`."""
    settings = load_settings({"DATABASE_URL": server, "COUNCIL_HOME": str(home)}, directory=home)
    plan = SimulationPlan(
        name=f"bench-{weeks}",
        first_week=first_week,
        weeks=weeks,
        config_hash=hash_of(load_config()),
    )
    await simulate(plan, settings, tell=Gate())


if __name__ == "__main__":
    configure_logs("CRITICAL", (), False)
    with tempfile.TemporaryDirectory(prefix="council-bench-") as folder:
        asyncio.run(
            main(sys.argv[1], date.fromisoformat(sys.argv[2]), int(sys.argv[3]), Path(folder))
        )
