"""`uv run python -m tests.bench`: each promise of speed as a ratio to its reference.

Prints a table, or JSON with `--json`; exits with 1 where a bound is missed.
"""

import argparse
import asyncio
import json
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from config.clock import SystemClock
from tests.bench.frame import Measurement, Options, benchmark, failed, with_bounds
from tests.bench.registry import BENCHMARKS


def main() -> None:
    """Run what was asked for and tell it; exit with 1 where a bound is missed."""
    asked = _arguments()
    if asked.soak is not None:
        from tests.bench.soak import soak  # brings all of the council

        sys.exit(1 if asyncio.run(soak(asked.soak)) else 0)
    # Processes that are timed would compile every module anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rows: list[Measurement] = []
    for name in asked.only or BENCHMARKS:
        _tell(f"{name} ...")
        began = SystemClock().now()
        rows += with_bounds(_rows(name, Options(is_quick=asked.quick)), dict(asked.bound))
        _tell(f"{name}: {_seconds(SystemClock().now() - began)}")
    _print_json(rows) if asked.json else _print_table(rows)
    sys.exit(0 if all(row.is_ok for row in rows) else 1)


def _rows(name: str, options: Options) -> Sequence[Measurement]:
    try:
        return asyncio.run(_measured(name, options))
    except Exception as error:  # noqa: BLE001 - the others are measured all the same
        traceback.print_exc()
        return (failed(name, error),)


async def _measured(name: str, options: Options) -> Sequence[Measurement]:
    return await benchmark(BENCHMARKS[name])(options)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(BENCHMARKS), metavar="NAME",
        help=f"one of {', '.join(BENCHMARKS)}; may be repeated (default: all)",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="small sizes: does it work at all?")
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES",
        help="instead keep a server, an executor and two clients busy; a line a minute",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument(
        "--bound", action="append", type=_bound, default=[], metavar="ROW=RATIO",
        help="hold a row to another bound; may be repeated",
    )  # fmt: skip
    return parser.parse_args()


def _bound(text: str) -> tuple[str, float]:
    name, _, ratio = text.partition("=")
    return name, float(ratio)


def _print_json(rows: Sequence[Measurement]) -> None:
    said = {"ok": all(row.is_ok for row in rows), "rows": [row.as_json() for row in rows]}
    sys.stdout.write(json.dumps(said, indent=2) + "\n")


def _print_table(rows: Sequence[Measurement]) -> None:
    table = Table("what", "measured", "reference", "its value", "ratio", "bound", "ok")
    for row in rows:
        table.add_row(
            f"{row.what} [dim]({row.name})[/dim]"
            + (f"\n[dim]{row.note}[/dim]" if row.note else ""),
            f"{_figure(row.value)} {row.unit}",
            row.reference,
            "" if row.reference_value is None else f"{_figure(row.reference_value)} {row.unit}",
            "" if row.ratio is None else f"{row.ratio:.2f}",
            "" if row.bound is None else f"{row.sense} {row.bound:g}",
            "" if row.bound is None else "yes" if row.is_ok else "[bold]NO[/bold]",
        )
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _seconds(taken: timedelta) -> str:
    return f"{taken.total_seconds():.0f} s"


def _tell(line: str) -> None:
    """Say what goes on apart from the result, which may be read by a program."""
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
