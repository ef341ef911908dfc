"""Sweeps: which simulations they are made of, and what is done with those that fail."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from config.errors import UsageError
from config.loader import load_config
from config.settings import Settings
from council.simulate import ALPACA, SimulationPlan, hash_of
from mcp_server.sweep_crews import Tell
from mcp_server.sweep_tasks import SweepOutcome, SweepTask
from mcp_server.sweeping import (
    MOST_SIMULATIONS,
    SimulationEnded,
    SweepOrder,
    checked_for_cluster,
    seeds_of,
    sweep,
    tasks_of,
)

PLAN = SimulationPlan(name="many", first_week=date(2023, 1, 4), weeks=3, config_hash="usual")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("7", (7,)), ("1-4", (1, 2, 3, 4)), ("3,1-2,2", (3, 1, 2)), ("0", (0,))],
)
def test_seeds_are_read_in_their_order_each_once(text: str, seeds: tuple[int, ...]) -> None:
    assert seeds_of(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "1..3", "-3", "1, 2", "5-1", "1" * 12])
def test_what_names_no_seeds_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="eed"):
        seeds_of(text)


def test_more_seeds_than_anybody_wants_are_refused_before_they_are_made() -> None:
    assert len(seeds_of(f"1-{MOST_SIMULATIONS}")) == MOST_SIMULATIONS
    with pytest.raises(UsageError, match="name fewer"):
        seeds_of("0-999999999")


def test_every_seed_is_a_simulation_with_a_name_of_its_own() -> None:
    tasks = tasks_of(SweepOrder(PLAN, (1, 20)))

    assert [(task.plan.name, task.plan.seed) for task in tasks] == [("many-1", 1), ("many-20", 20)]
    assert {task.plan.config_hash for task in tasks} == {"usual"}
    assert {task.configuration for task in tasks} == {None}


def test_every_configuration_is_played_with_every_seed(tmp_path: Path) -> None:
    shy, bold = packaged(tmp_path / "shy"), packaged(tmp_path / "bold one", bolder=True)

    tasks = tasks_of(SweepOrder(PLAN, (1, 2), (shy, bold)))

    assert [task.plan.name for task in tasks] == [
        "many-shy-1",
        "many-shy-2",
        "many-bold-one-1",
        "many-bold-one-2",
    ]
    assert tasks[0].plan.config_hash == hash_of(load_config(shy))
    assert tasks[2].plan.config_hash == hash_of(load_config(bold))
    assert tasks[0].plan.config_hash != tasks[2].plan.config_hash


def test_two_configurations_of_one_name_are_refused(tmp_path: Path) -> None:
    order = SweepOrder(PLAN, (1,), (packaged(tmp_path / "a/x"), packaged(tmp_path / "b/x")))

    with pytest.raises(UsageError, match="same folder name"):
        tasks_of(order)


def test_a_name_that_is_too_long_with_its_seed_is_refused_before_anything_is_played() -> None:
    long = replace(PLAN, name="x" * 40)

    with pytest.raises(UsageError, match=f'"{"x" * 40}-1" names no simulation'):
        tasks_of(SweepOrder(long, (1,)))


@pytest.mark.parametrize("changes", [{"live": True}, {"prices": ALPACA}])
def test_what_takes_a_key_does_not_go_to_a_cluster(changes: dict[str, object]) -> None:
    fields = {name: getattr(PLAN, name) for name in ("name", "first_week", "weeks")}
    plan = SimulationPlan(**{**fields, **changes})

    with pytest.raises(UsageError, match="cluster"):
        checked_for_cluster(SweepOrder(plan, (1,)))
    assert checked_for_cluster(SweepOrder(PLAN, (1,))).plan is PLAN


async def test_a_simulation_that_fails_does_not_end_the_others(
    settings: Settings, tmp_path: Path
) -> None:
    told: list[SimulationEnded] = []

    async def crew(tasks: Sequence[SweepTask], *, tell: Tell) -> None:
        for task in reversed(tasks):
            tell(SweepOutcome(task, failure=f"{task.plan.name} is unlucky."))

    shape = await sweep(SweepOrder(PLAN, (1, 2)), settings, crew=crew, tell=told.append)

    assert [run.simulation for run in shape.runs] == ["many-1", "many-2"]
    assert (shape.failed, shape.accounts) == (2, ())
    assert [(one.name, one.done) for one in told] == [("many-2", 1), ("many-1", 2)]
    assert (tmp_path / "simulations" / "many" / "sweep.md").exists()


async def test_what_was_left_elsewhere_lies_where_it_would_lie_here(
    settings: Settings, tmp_path: Path
) -> None:
    async def crew(tasks: Sequence[SweepTask], *, tell: Tell) -> None:
        for task in tasks:
            tell(SweepOutcome(task, failure="no", files={"facts.parquet": b"PAR1"}))

    await sweep(SweepOrder(PLAN, (5,)), settings, crew=crew, tell=lambda ended: None)

    left = tmp_path / "simulations" / "many-5" / "facts.parquet"
    assert left.read_bytes() == b"PAR1"


def packaged(folder: Path, *, bolder: bool = False) -> Path:
    """Copy the packaged configuration; a bolder one takes larger orders."""
    folder.mkdir(parents=True)
    for path in Path("config").glob("*.yaml"):
        text = path.read_text()
        if bolder and path.name == "schedule.yaml":
            text = text.replace('"15:50"', '"15:40"')
        (folder / path.name).write_text(text)
    return folder
