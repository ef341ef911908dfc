"""The official conformance suite: both requirement sets, against our server and one with fixtures.

The baselines name every check that does not pass, with its reason; a check that fails beside them,
or that passes in spite of them, fails here.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.hosts.served import near_empty, served
from tests.hosts.tools import NodeTools

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
BASELINES = sorted(HERE.glob("*.yml"))
FIXTURE_SERVER = (sys.executable, "-m", "tests.hosts.fixture_server")
LIMIT_SECONDS = 120
MEANT_FOR_EVERY_SERVER = {
    "server-initialize",
    "server-session-lifecycle",
    "server-sse-multiple-streams",
    "server-stateless",
    "ping",
    "completion-complete",
    "tools-list",
    "resources-list",
    "prompts-list",
    "sep-2164-resource-not-found",
    "caching",
    "http-header-validation",
    "dns-rebinding-protection",
    "input-required-result-unsupported-methods",
}
NEEDING_A_FIXTURE = {
    "server-stateless:sep-2575-server-rejects-undeclared-capability",
    "server-stateless:sep-2575-missing-capability-http-400",
    "server-stateless:sep-2575-server-sends-prompts-list-changed-on-subscription",
    "server-stateless:sep-2575-server-sends-tools-list-changed-on-subscription",
}
WIRE = ":wire-schema-valid"
UNMET = {"FAILURE", "WARNING"}
LEAST_WIRE_CHECKS = 25


@pytest.mark.slow
@pytest.mark.parametrize("baseline", BASELINES, ids=lambda path: path.stem)
def test_the_suite_finds_nothing_that_the_baseline_does_not_name(
    node_tools: NodeTools, database_dsn: str, tmp_path: Path, *, baseline: Path
) -> None:
    kind, _, revision = baseline.stem.partition(".")
    environment = near_empty(database_dsn, tmp_path) | {"PYTHONPATH": str(REPOSITORY)}
    command = FIXTURE_SERVER if kind == "fixtures" else ()
    with served(environment, *command) as address:
        done = subprocess.run(
            (
                *node_tools.command("conformance"),
                *("server", "--url", address, "--requirements", revision),
                *("--expected-failures", str(baseline)),
                *("--output-dir", str(tmp_path / "results")),
            ),
            env=node_tools.environment(tmp_path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    statuses = statuses_in(tmp_path / "results")
    wire = [status for name, status in statuses if name.endswith(WIRE)]
    assert done.returncode == 0, done.stdout[-4_000:]
    # The suite itself forgives every check of an extension and of what is still pending.
    assert {name for name, status in statuses if status in UNMET} == entries_of(baseline)
    assert len(wire) >= LEAST_WIRE_CHECKS
    assert set(wire) == {"SUCCESS"}


def test_no_baseline_excuses_what_is_meant_for_every_server() -> None:
    named = {entry for path in BASELINES for entry in entries_of(path)}

    general = {entry for entry in named if entry.split(":")[0] in MEANT_FOR_EVERY_SERVER}

    assert len(BASELINES) == 4
    assert all(":" in entry for entry in named), "a whole scenario is never excused"
    assert general == NEEDING_A_FIXTURE


def entries_of(baseline: Path) -> set[str]:
    """Return the checks that a baseline names."""
    return set(yaml.safe_load(baseline.read_text())["server"])


def statuses_in(results: Path) -> list[tuple[str, str]]:
    """Return every check as the baseline names it, with how it went."""
    return [
        (f"{scenario_of(file)}:{check['id']}", check["status"])
        for file in results.glob("*/checks.json")
        for check in json.loads(file.read_text())
    ]


def scenario_of(file: Path) -> str:
    """Return the scenario by its folder: server-NAME-YEAR-MONTH-..."""
    return re.sub(r"-\d{4}-\d\d-\d\dT.*", "", file.parent.name).removeprefix("server-")
