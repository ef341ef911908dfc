"""Units for the tests: rendered for a machine of theirs, and judged by the real systemd-analyze."""

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from config.schema import ScheduleFile
from mcp_server.setting_up.machine import Machine
from mcp_server.setting_up.systemd_units import Scope, Wanted, texts_of, units_of
from tests.mcp_server.installations import make_machine

SCHEDULE = ScheduleFile.model_validate(
    {
        "week_starts": "08:00",
        "checkpoints": ("09:00", "12:00", "14:00", "15:50"),
        "last_entry": "15:30",
        "upkeep": "17:30",
    }
)
WANTED = Wanted(schedule=SCHEDULE, is_embedded=True, variables={})
_ELAPSES = re.compile(r"\(in UTC\): \w{3} (\S+ \S+) UTC|(?:elapse|#\d+): \w{3} (\S+ \S+) UTC")


def open_machine(home: Path) -> Machine:
    """Return a machine whose program every user may start."""
    home.chmod(0o755)
    return make_machine(home)


def analyze(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze; without it the test is skipped, and fails in CI."""
    program = shutil.which("systemd-analyze")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is missing: .ci/system-tools installs it")
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(
        [program, *arguments],
        env={"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def written(machine: Machine, scope: Scope, folder: Path, wanted: Wanted = WANTED) -> list[Path]:
    """Write the units to `folder` as systemd would find them."""
    folder.mkdir()
    for name, text in texts_of(units_of(machine, scope, wanted)).items():
        (folder / name).write_text(text)
    return sorted(folder.iterdir())


@cache
def elapses(expression: str, after: str, count: int) -> tuple[datetime, ...]:
    """Return the instants at which systemd starts a timer of `expression`, `count` of them."""
    said = analyze("calendar", f"--iterations={count}", f"--base-time={after} UTC", expression)
    assert said.returncode == 0, said.stderr
    found = (one or other for one, other in _ELAPSES.findall(said.stdout))
    return tuple(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in found)
