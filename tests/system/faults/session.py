"""Many seeds, several at once, and what they add up to."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.system.faults.grounds import prepared
from tests.system.faults.run import Result, run_seed

AT_ONCE, EXECUTORS_AT_ONCE = 6, 12
"""Seeds that run side by side, and executors of all of them: most of a run is waiting."""


@dataclass(frozen=True)
class Totals:
    """The sum over all seeds."""

    results: tuple[Result, ...]

    @property
    def violations(self) -> tuple[str, ...]:
        """Return what was broken, each with its seed and how to see it again."""
        return tuple(
            f"seed {result.seed}: {found} (again: {again(result.seed)})"
            for result in self.results
            for found in result.violations
        )

    @property
    def kills(self) -> Counter[str]:
        """Return how often a process died at each failpoint."""
        return sum((result.kills for result in self.results), Counter[str]())

    @property
    def endings(self) -> Counter[str]:
        """Return how often trades ended in each way."""
        return sum((result.endings for result in self.results), Counter[str]())

    @property
    def faults(self) -> Counter[str]:
        """Return how often each kind of fault met an order that was sent."""
        met: Counter[str] = Counter()
        for result in self.results:
            for (method, kind), count in result.counts.items():
                met[kind] += count if method == "POST" else 0
        return met

    @property
    def faulty_share(self) -> float:
        """Return the share of sent orders that met a fault."""
        posts = sum(result.posts for result in self.results)
        return sum(result.faulty_posts for result in self.results) / max(1, posts)


def again(seed: int) -> str:
    """Return the command that runs one seed alone."""
    return f"uv run python -m tests.system.faults --first {seed} --seeds 1"


async def run_seeds(
    seeds: range,
    *,
    server_dsn: str,
    folder: Path,
    executors: int = 2,
    locked: bool = True,
    tell: Callable[[Result], None] = lambda _: None,
) -> Totals:
    """Run `seeds` on a database server whose `faults_…` databases are ours; logs go to `folder`."""
    room = asyncio.Semaphore(max(1, min(AT_ONCE, EXECUTORS_AT_ONCE // executors)))
    async with prepared(server_dsn, folder, seeds) as grounds:

        async def one(seed: int) -> Result:
            async with room:
                result = await run_seed(seed, grounds, executors=executors, locked=locked)
                tell(result)
                return result

        results: Sequence[Result] = await asyncio.gather(*(one(seed) for seed in seeds))
    return Totals(tuple(results))
