"""`uv run python -m tests.chaos`: the chaos hour, and its report as JSON.

Weeks of the council while PostgreSQL is killed and restarted, processes are killed, and the wire to
the exchange fails. Exits with 1 where anything broke, each violation by its name.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from time import monotonic
from typing import get_args

from config.logs import configure_logs
from tests.chaos.hour import Plan, chaos_hour
from tests.chaos.planting import Plant
from tests.system.killed_server import killed_server

_LOG_CHARACTERS = 20_000


def main() -> None:
    """Run as many weeks as asked for; progress goes to stderr, the report to stdout."""
    asked = _arguments()
    configure_logs("CRITICAL", (), False)
    began = monotonic()

    def told(line: str) -> None:
        _tell(f"{monotonic() - began:6.0f} s  {line}")

    plan = Plan(
        weeks=asked.weeks, seed=asked.seed, pause_seconds=tuple(asked.pause), plant=asked.plant
    )
    with killed_server() as server:
        report = asyncio.run(
            chaos_hour(
                plan, server, tell=lambda line: _tell(f"{monotonic() - began:6.0f} s {line}")
            )
        )
        if report.violations:
            _tell_logs(server.home)
    said = {**report.as_json(), "seconds": round(monotonic() - began)}
    sys.stdout.write(json.dumps(said, indent=2) + "\n")
    sys.exit(1 if report.violations else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--weeks", type=int, default=200, help="how many (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is left to chance")
    parser.add_argument(
        "--pause", type=float, nargs=2, default=(5.0, 40.0), metavar="SECONDS",
        help="shortest and longest time between two deaths of PostgreSQL (default 5 40)",
    )  # fmt: skip
    parser.add_argument(
        "--plant", choices=get_args(Plant), help="do a wrong on purpose after the last week"
    )
    return parser.parse_args()


def _tell_logs(home: Path) -> None:
    """Tell the end of what the processes logged: the folder goes away with the run."""
    for log in sorted(home.glob("*.log")):
        _tell(f"--- {log.name}\n{log.read_text(errors='replace')[-_LOG_CHARACTERS:]}")


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
