"""Weeks in a row on one store: each run at its own Wednesday, with the models of that week."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from config.clock import FixedClock
from council.context import WeekContext
from council.pipeline import run_week
from council.ports import Question
from council.projections import project
from store.memory import MemoryEventStore
from tests.builders import NOW, make_config
from tests.fakes import FakeModels, Reply, make_deps

Answer = Callable[[Question[Any]], Reply]


def wednesday(number: int) -> datetime:
    """Return when the week of this number is run; 0 is the builders' week."""
    return NOW + timedelta(weeks=number)


def week_id_of(number: int) -> str:
    """Return the id of the week of this number."""
    return wednesday(number).date().isoformat()


async def run_weeks(
    answers: Sequence[Answer],
    *,
    until: str = "propose",
    hashes: dict[int, str] | None = None,
    store: MemoryEventStore | None = None,
    first: int = 0,
) -> list[WeekContext]:
    """Run one week for each of `answers`, from the week of number `first` on.

    `hashes` holds the configuration's, where it changed; a `store` may hold weeks before.
    """
    store, weeks = store or MemoryEventStore(project), []
    for number, answer in enumerate(answers, start=first):
        config = make_config(content_hash=(hashes or {}).get(number, "config-1"))
        deps = make_deps(
            config, store=store, clock=FixedClock(wednesday(number)), models=FakeModels(answer)
        )
        weeks.append(await run_week(week_id_of(number), deps, until=until))
    return weeks
