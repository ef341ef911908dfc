"""The command that measures: it runs, tells what it found, and fails where a bound is missed."""

import inspect
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.bench.frame import Measurement, benchmark, failed, with_bounds
from tests.bench.registry import BENCHMARKS

ROW = Measurement("a/b", "what", 6.0, "s", reference="else", reference_value=2.0, bound=3.0)


@pytest.mark.parametrize(
    ("changes", "is_ok"),
    [
        ({}, True),
        ({"bound": 2.9}, False),
        ({"sense": ">="}, True),
        ({"sense": ">=", "bound": 3.1}, False),
        ({"reference_value": None}, False),
        ({"reference_value": 0.0}, False),
        ({"bound": None, "reference_value": None}, True),
    ],
)
def test_a_bound_is_on_the_ratio_to_the_reference(changes: dict[str, object], is_ok: bool) -> None:
    assert replace(ROW, **changes).is_ok is is_ok  # type: ignore[arg-type]  # drawn from above


def test_another_bound_is_given_by_the_name_of_the_row() -> None:
    first, second = with_bounds((ROW, replace(ROW, name="c")), {"c": 9.0})

    assert (first.bound, second.bound) == (3.0, 9.0)


def test_what_could_not_be_measured_misses_its_bound() -> None:
    assert not failed("a", RuntimeError("no server")).is_ok


@pytest.mark.parametrize("path", BENCHMARKS.values())
def test_every_benchmark_in_the_list_is_there(path: str) -> None:
    assert inspect.iscoroutinefunction(benchmark(path))


@pytest.mark.slow
def test_the_append_benchmark_runs_and_prints_a_table() -> None:
    ran = _bench("--quick", "--only", "append", "--bound", "append/insert=0.001",
                 "--bound", "append/eventsourcing=0.001")  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    assert "append/insert" in ran.stdout.replace("\n", " ")
    assert "bare asyncpg INSERT" in ran.stdout
    assert ">= 0.001" in ran.stdout


@pytest.mark.slow
def test_a_missed_bound_is_told_by_the_exit_code() -> None:
    ran = _bench("--quick", "--only", "append", "--json", "--bound", "append/insert=1000")

    rows = {row["name"]: row for row in json.loads(ran.stdout)["rows"]}
    assert ran.returncode == 1
    assert not rows["append/insert"]["ok"]
    assert rows["append/insert"]["ratio"] == pytest.approx(
        rows["append/insert"]["value"] / rows["append/insert"]["reference_value"]
    )


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "tests.bench", *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
