"""One simulation of a sweep as a task that any process can take, on this machine or another.

Here a task shares this machine's database server and home. Elsewhere it brings its files along,
plays in a home of its own that is gone afterwards, and returns what it left there.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from config.errors import CouncilError
from config.settings import Settings
from council.simulate import SYNTHETIC, SimulationPlan
from mcp_server.simulating import WeekDone, simulate
from mcp_server.simulation_files import folder_of
from mcp_server.simulation_shapes import SimulationShape
from mcp_server.wiring import settled

_PASSABLE: Final = 0o711
"""The embedded server of root runs as another user, who must get through to its files."""


@dataclass(frozen=True, slots=True)
class SweepTask:
    """A simulation to be played, with the folder of its configuration; None for the usual one."""

    plan: SimulationPlan
    label: str
    """What the configuration is called in the sweep; empty where there is but one."""
    configuration: Path | None = None


@dataclass(frozen=True, slots=True)
class Luggage:
    """A task with the content of all files that it needs, by name."""

    task: SweepTask
    configuration: Mapping[str, bytes]
    prices: bytes | None


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What came of a task: a result, or in one sentence why there is none."""

    task: SweepTask
    summary: SimulationShape | None = None
    failure: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What it left in its folder, where that folder is not here."""


def played_here(task: SweepTask) -> SweepOutcome:
    """Play `task` with the settings of this process's environment; not inside an event loop."""
    settings = settled(as_json=True)
    if task.configuration is not None:
        settings = settings.model_copy(update={"council_config": task.configuration})
    return _played(task, settings)


def packed(task: SweepTask) -> Luggage:
    """Read what `task` needs elsewhere.

    Raises:
        OSError: a file cannot be read.
    """
    folder = task.configuration
    files = {path.name: path.read_bytes() for path in folder.glob("*.yaml")} if folder else {}
    prices = None if task.plan.prices == SYNTHETIC else Path(task.plan.prices).read_bytes()
    return Luggage(task, files, prices)


def played_elsewhere(luggage: Luggage) -> SweepOutcome:
    """Play a task in a home of its own, and return its files with what came of it."""
    # Root's database server cannot enter what only root may.
    with TemporaryDirectory(prefix="council-sweep-") as name:
        home = Path(name)
        home.chmod(_PASSABLE)
        settings = _at_home(settled(as_json=True), home, luggage)
        plan = _with_prices(luggage, home)
        outcome = _played(replace(luggage.task, plan=plan), settings)
        left = folder_of(home, plan.name)
        files = {path.name: path.read_bytes() for path in left.iterdir()} if left.is_dir() else {}
        return replace(outcome, task=luggage.task, files=files)


def _at_home(settings: Settings, home: Path, luggage: Luggage) -> Settings:
    """Return settings whose database and files are all below `home`."""
    own: dict[str, object] = {"council_home": home, "database_url": None, "database_host": None}
    own |= {"database_name": None, "database_user": None, "database_password": None}
    if luggage.configuration:
        folder = home / "config"
        folder.mkdir()
        for name, content in luggage.configuration.items():
            (folder / name).write_bytes(content)
        own["council_config"] = folder
    return settings.model_copy(update=own)


def _with_prices(luggage: Luggage, home: Path) -> SimulationPlan:
    plan = luggage.task.plan
    if luggage.prices is None:
        return plan
    # Its name stands in the facts.
    path = home / Path(plan.prices).name
    path.write_bytes(luggage.prices)
    return replace(plan, prices=str(path))


def _played(task: SweepTask, settings: Settings) -> SweepOutcome:
    try:
        done = asyncio.run(simulate(task.plan, settings, tell=_tell_nobody))
    except CouncilError as error:
        return SweepOutcome(task, failure=str(error))
    return SweepOutcome(task, summary=done.summary)


def _tell_nobody(week: WeekDone) -> None:
    """Drop the news: a sweep counts whole simulations."""
