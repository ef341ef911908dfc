"""The doctor's check of systemd: are the installed timers those of `schedule.yaml`?"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from config.errors import CouncilError
from config.schema import ScheduleFile
from mcp_server.setting_up.machine import Machine
from mcp_server.setting_up.systemd import our_files, places_of
from mcp_server.setting_up.systemd_calendar import differing
from mcp_server.setting_up.systemd_units import Scope
from mcp_server.shapes import CheckShape

_SCOPES: Final[tuple[Scope, ...]] = ("system", "user")
_CHECK: Final = "systemd"


def units(machine: Machine, schedule: ScheduleFile, root: Path = Path("/")) -> Iterator[CheckShape]:
    """Check the units that were installed, if any were; `root` is where the system's lie."""
    if machine.system != "linux":
        return
    checks = [check for scope in _SCOPES for check in _of_scope(machine, scope, schedule, root)]
    yield from checks
    if not checks:
        message = "nothing is installed: weeks and checkpoints start only by hand"
        mend = "`council install systemd --start`, if this machine is to run by itself."
        yield CheckShape(check=_CHECK, result="ok", message=message, mend=mend)


def _of_scope(
    machine: Machine, scope: Scope, schedule: ScheduleFile, root: Path
) -> Iterator[CheckShape]:
    mend = f"`council install systemd --{scope} --start`"
    try:
        texts = {
            path.name: text for path, text in our_files(places_of(machine, scope, root)).items()
        }
        if texts:
            problem = _problem(texts, schedule)
            yield CheckShape(
                check=_CHECK,
                result="warn" if problem else "ok",
                message=problem or f"{len(texts)} files of the {scope}'s, times of schedule.yaml",
                mend=mend,
            )
    except CouncilError as error:
        yield CheckShape(check=_CHECK, result="warn", message=str(error), mend=mend)


def _problem(texts: Mapping[str, str], schedule: ScheduleFile) -> str | None:
    if differing_names := sorted(differing(texts, schedule)):
        return f"{', '.join(differing_names)}: other times than those of schedule.yaml"
    return None
