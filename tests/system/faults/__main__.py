"""`uv run python -m tests.system.faults`: the fault suite over any number of seeds."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from store.cluster import Cluster
from tests.conftest import run_apart, without_durability
from tests.system.faults.run import Result
from tests.system.faults.session import Totals, run_seeds


def main() -> None:
    """Run the seeds that were asked for; exit with 1 where an invariant broke."""
    options = _options()
    folder = Path(options.logs or tempfile.mkdtemp(prefix="council-faults-")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # the database server may belong to another user
    seeds = range(options.first, options.first + options.seeds)
    _say(f"seeds {seeds.start} to {seeds.stop - 1}, {options.executors} executors, logs: {folder}")
    use = Cluster(folder / "server").enter()
    try:
        run_apart(lambda: without_durability(use.dsn))
        totals = asyncio.run(
            run_seeds(
                seeds,
                server_dsn=use.dsn,
                folder=folder,
                executors=options.executors,
                locked=options.lock == "on",
                tell=_tell,
            )
        )
    finally:
        use.leave()
    _summarise(totals)
    sys.exit(1 if totals.violations else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.system.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=40, help="how many (default 40)")
    parser.add_argument("--first", type=int, default=0, help="the first one (default 0)")
    parser.add_argument("--executors", type=int, default=2, help="processes per seed (default 2)")
    parser.add_argument("--lock", choices=("on", "off"), default="on", help="executors' locks")
    parser.add_argument("--logs", help="a folder for the logs (default: a new one)")
    return parser.parse_args()


def _tell(result: Result) -> None:
    _say(
        f"seed {result.seed:>5}  {'ok' if not result.violations else 'BROKEN':<6} "
        f"{result.seconds:5.1f} s  orders sent {result.posts:>3}, faulty {result.faulty_posts:>3}  "
        f"kills {result.kills.total():>2}  {_listed(result.endings)}"
    )
    for found in result.violations:
        _say(f"    {found}")


def _summarise(totals: Totals) -> None:
    _say(f"\ntrades: {_listed(totals.endings)}")
    _say(f"kills: {_listed(totals.kills)}")
    _say(f"orders sent, by fault: {_listed(totals.faults)}")
    _say(f"faulty: {totals.faulty_share:.0%}; violations: {len(totals.violations)}")
    for found in totals.violations:
        _say(f"  {found}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command talks to its user


def _listed(counted: "dict[str, int]") -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))


if __name__ == "__main__":
    main()
