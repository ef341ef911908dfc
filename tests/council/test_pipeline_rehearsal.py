"""The week with the rehearsal models behind the real gateway client, in memory."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from config.loader import load_config
from council.llm.journal import Journal
from council.llm.models import open_models
from council.pipeline import STAGES, run_week
from council.ports import Deps
from council.projections import project
from council.research.prompted import PromptedResearch
from store.memory import MemoryEventStore
from tests.builders import WEEK_ID
from tests.fakes import make_deps

CONFIG = load_config()
CALLS_IN_A_WEEK = 2 + 5 + 5 + 1


class Killed(BaseException):
    """Stands for a process that is gone."""


@asynccontextmanager
async def rehearsing(store: MemoryEventStore, **changes: Any) -> AsyncIterator[Deps]:
    deps = make_deps(CONFIG, store=store, **changes)
    journal = Journal(store, deps.clock)
    models = open_models(
        CONFIG, mode="rehearsal", journal=journal, clock=deps.clock, base_url="", api_key=""
    )
    research = {pack: (PromptedResearch(models, pack),) for pack in ("A", "B")}
    try:
        yield make_deps(
            CONFIG, **{**changes, "store": store, "models": models, "research": research}
        )
    finally:
        await models.aclose()


async def calls_in(store: MemoryEventStore) -> Counter[str]:
    events = await store.read_stream(f"llm-{WEEK_ID}")
    return Counter(f"{event.payload['stage']} {event.payload['asked_by']}" for event in events)


async def test_rehearsal_models_carry_a_whole_week() -> None:
    store = MemoryEventStore(project)

    async with rehearsing(store) as deps:
        context = await run_week(WEEK_ID, deps)

    assert context.completed == set(STAGES)
    assert (len(context.packs), len(context.pitches), len(context.reviews)) == (2, 5, 20)
    assert context.decision is not None
    assert context.degraded == ()
    assert (await calls_in(store)).total() == CALLS_IN_A_WEEK


def killing_at(moment: str) -> Callable[[str], None]:
    def failpoint(name: str) -> None:
        if name == moment:
            raise Killed

    return failpoint


@pytest.mark.parametrize("stage", ["research", "pitch", "peer_review", "chairman"])
async def test_a_stage_killed_before_it_was_stored_asks_no_model_twice(stage: str) -> None:
    store = MemoryEventStore(project)
    moment = f"pipeline.after_stage:{stage}.before_append"
    async with rehearsing(store, failpoint=killing_at(moment)) as deps:
        with pytest.raises(Killed):
            await run_week(WEEK_ID, deps)

    async with rehearsing(store) as deps:
        context = await run_week(WEEK_ID, deps)

    assert context.completed == set(STAGES)
    assert set((await calls_in(store)).values()) == {1}
