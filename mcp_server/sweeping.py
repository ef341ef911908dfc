"""`council simulate --seeds`: the same weeks many times over, by seeds and by configurations.

Every simulation is one of its own, with its own name, database and folder, and leaves there what it
leaves when it is played alone. A sweep that was stopped goes on: what is whole is not played again.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Final

from config.errors import CouncilError, UsageError
from config.loader import load_config
from config.settings import Settings
from council.simulate import ALPACA, SimulationPlan, check_plan, hash_of
from mcp_server.private_files import write_privately
from mcp_server.simulation_files import folder_of
from mcp_server.sweep_crews import Crew
from mcp_server.sweep_results import keep_sweep, sweep_shape
from mcp_server.sweep_shapes import SweepShape
from mcp_server.sweep_tasks import SweepOutcome, SweepTask
from mcp_server.wiring import opened_database

MOST_SIMULATIONS: Final = 10_000
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_]+")
"""What a configuration's folder may be called, but the name of a simulation may not hold."""
_RANGES: Final = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*")


class SweepIncomplete(CouncilError):
    """Some simulations of a sweep failed; the others are whole, and so is the table of them."""


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """What is swept: `plan` is played with every seed and every configuration.

    A configuration is a folder with the five YAML files; without any it is the usual one.
    """

    plan: SimulationPlan
    seeds: tuple[int, ...]
    configurations: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Return the sweep's name, with which those of its simulations begin."""
        return self.plan.name


@dataclass(frozen=True, slots=True)
class SimulationEnded:
    """Told after each simulation: how many of how many have ended, and why one failed."""

    name: str
    done: int
    simulations: int
    failure: str | None


Tell = Callable[[SimulationEnded], None]


def seeds_of(text: str) -> tuple[int, ...]:
    """Return the seeds that `text` names, such as "1-20" or "1,3,7-9", each once.

    Raises:
        UsageError: it does not read, or names too many.
    """
    if not _RANGES.fullmatch(text):
        raise UsageError(f'Seeds are written as "1-20" or "1,3,7-9", not "{text}".')
    ranges = [part.partition("-") for part in text.split(",")]
    borders = [(int(first), int(last or first)) for first, _, last in ranges]
    if sum(max(0, last - first + 1) for first, last in borders) > MOST_SIMULATIONS:
        raise UsageError(f"A sweep has at most {MOST_SIMULATIONS:,} seeds: name fewer.")
    seeds = dict.fromkeys(seed for first, last in borders for seed in range(first, last + 1))
    if not seeds:
        raise UsageError(f'"{text}" names no seed: write the smaller one first.')
    return tuple(seeds)


def tasks_of(order: SweepOrder) -> tuple[SweepTask, ...]:
    """Return the simulations of a sweep, in the order of configurations and seeds.

    Raises:
        ConfigError: a configuration does not load.
        UsageError: two configurations have the same name, or a name is too long with its seed.
    """
    labels = [_UNFIT.sub("-", folder.resolve().name) for folder in order.configurations]
    if len(set(labels)) < len(labels):
        raise UsageError("Two configurations have the same folder name: rename one of them.")
    tasks = tuple(SweepTask(_seeded(order.plan, seed), "") for seed in order.seeds)
    if labels:
        tasks = tuple(
            SweepTask(_configured(task.plan, label, folder), label, folder.resolve())
            for label, folder in zip(labels, order.configurations, strict=True)
            for task in tasks
        )
    for task in tasks:
        check_plan(task.plan)
    return tasks


def checked_for_cluster(order: SweepOrder) -> SweepOrder:
    """Return `order` where nodes elsewhere can play it.

    Raises:
        UsageError: it takes keys, which do not travel.
    """
    if order.plan.live:
        raise UsageError(
            "On a Ray cluster only rehearsal models play: keys stay here, and so do kept answers."
        )
    if order.plan.prices == ALPACA:
        raise UsageError(
            "On a Ray cluster give --prices a file: Alpaca's key stays here. A simulation without "
            "--seeds fetches the history and keeps it as a file."
        )
    return order


async def sweep(order: SweepOrder, settings: Settings, *, crew: Crew, tell: Tell) -> SweepShape:
    """Play every simulation of `order` and keep a table of what came of them.

    One that fails does not end the others; the result names it.

    Raises:
        CouncilError: the database or the folder cannot be used, or the crew fails.
    """
    began, tasks = monotonic(), tasks_of(order)
    folder = folder_of(settings.council_home, order.name)
    outcomes: dict[str, SweepOutcome] = {}

    def ended(outcome: SweepOutcome) -> None:
        _unpack(outcome, settings)
        name = outcome.task.plan.name
        outcomes[name] = outcome
        tell(SimulationEnded(name, len(outcomes), len(tasks), outcome.failure))

    async with AsyncExitStack() as stack:
        # Held from here, the embedded server neither stops nor starts between two simulations.
        await stack.enter_async_context(opened_database(settings))
        await crew(tasks, tell=ended)
    in_order = [outcomes[task.plan.name] for task in tasks]
    shape = sweep_shape(order.plan, in_order, seconds=monotonic() - began, files=folder)
    await asyncio.to_thread(keep_sweep, folder, shape)
    return shape


def _unpack(outcome: SweepOutcome, settings: Settings) -> None:
    """Write what a simulation left elsewhere to where it would have left it here."""
    folder = folder_of(settings.council_home, outcome.task.plan.name)
    for name, content in outcome.files.items():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_privately(folder / name, content)


def _seeded(plan: SimulationPlan, seed: int) -> SimulationPlan:
    return replace(plan, name=f"{plan.name}-{seed}", seed=seed)


def _configured(plan: SimulationPlan, label: str, folder: Path) -> SimulationPlan:
    stem, _, seed = plan.name.rpartition("-")
    config_hash = hash_of(load_config(folder))
    return replace(plan, name=f"{stem}-{label}-{seed}", config_hash=config_hash)
