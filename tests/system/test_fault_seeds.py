"""Orders exactly once under everything that can go wrong on the wire and in the process.

Several executors trade six accounts per seed at an exchange whose wire fails by plan, and die at
every failpoint; afterwards the venue's orders and the log must agree. More seeds:
`uv run python -m tests.system.faults --seeds 500`.
"""

import re
from pathlib import Path

import pytest

import council
from tests.system.faults.session import Totals, run_seeds

SEEDS = range(40)
LEAST_KILLS = 5
LEAST_FAULTY_SHARE = 0.40


@pytest.mark.slow
async def test_no_seed_breaks_an_invariant(cluster_dsn: str, tmp_path: Path) -> None:
    totals = await run_seeds(SEEDS, server_dsn=cluster_dsn, folder=tmp_path)

    assert totals.violations == ()
    assert totals.faulty_share >= LEAST_FAULTY_SHARE
    assert seldom_hit(totals) == {}


@pytest.mark.slow
async def test_executors_without_their_lock_break_no_invariant(
    cluster_dsn: str, tmp_path: Path
) -> None:
    seeds = range(1000, 1006)

    totals = await run_seeds(
        seeds, server_dsn=cluster_dsn, folder=tmp_path, executors=3, locked=False
    )

    assert totals.violations == ()


def seldom_hit(totals: Totals) -> dict[str, int]:
    """Return the failpoints of trading at which fewer processes died than is asked for."""
    kills = totals.kills
    return {name: kills[name] for name in failpoints() if kills[name] < LEAST_KILLS}


def failpoints() -> tuple[str, ...]:
    """Return every failpoint that the source of trading names."""
    folder = Path(council.__file__).parent / "trading"
    named = re.compile(r"failpoint\(\"([a-z_.]+)\"\)")
    found = {name for path in folder.glob("*.py") for name in named.findall(path.read_text())}
    return tuple(sorted(found))
