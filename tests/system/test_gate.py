"""The checkpoint's gate over simulated weeks: what it saves, and that it misses no exit."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from config.settings import load_settings
from council.model.checkpoint import Action, Checkpoint
from tests.system.gate_weeks import looks_of, saved

LEAST_SAVED = 0.8


async def both(
    new_database: Callable[[], str], home: Path, *, weeks: int
) -> tuple[tuple[Checkpoint, ...], tuple[Checkpoint, ...]]:
    """Play the same weeks with the gate and with every author asked in every slot."""
    settings = load_settings({"COUNCIL_HOME": str(home)}, directory=home)
    gated = await looks_of(settings, new_database(), weeks=weeks, gated=True)
    return gated, await looks_of(settings, new_database(), weeks=weeks, gated=False)


def exits(looks: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Return the looks of which an exit came."""
    return [look for look in looks if look.action is Action.EXIT]


def demanded(looks: Sequence[Checkpoint]) -> list[object]:
    """Return which look at which trade ended it, because a rule was met that ends it."""
    return [look.checkpoint_id for look in exits(looks) if look.invalidation_met]


@pytest.mark.slow
async def test_the_gate_saves_calls_and_misses_no_exit_that_a_rule_demands(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    gated, ungated = await both(new_database, tmp_path, weeks=52)

    assert all(look.decided_by == "model" for look in ungated)
    assert demanded(gated) == demanded(ungated) != []
    assert [look.checkpoint_id for look in exits(gated)] == [
        look.checkpoint_id for look in exits(ungated)
    ]
    assert len(gated) == len(ungated)
    assert saved(gated) >= LEAST_SAVED
