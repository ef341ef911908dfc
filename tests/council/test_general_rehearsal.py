"""The general council with the rehearsal models behind the real gateway client, in memory."""

from collections import Counter
from typing import Any

import pytest

from council.asking import AskContext
from council.general import ask_council
from council.parallel import all_at_once
from council.pipeline import run_week
from council.projections import project
from store.errors import StoreUnavailable
from store.events import StoredEvent, StreamWrite
from store.memory import MemoryEventStore
from tests.builders import WEEK_ID
from tests.council.test_pipeline_rehearsal import rehearsing

QUESTION = "Is gold a hedge against inflation?"
CALLS_FOR_A_QUESTION = 5 + 5 + 1


class FailingStore(MemoryEventStore):
    """Loses the connection when facts of the kind `failing` are to be stored."""

    failing = ""

    async def append_many(self, writes: Any) -> tuple[StoredEvent, ...]:
        kinds = {event.event_type for write in writes for event in write.events}
        if self.failing in kinds:
            raise StoreUnavailable("the connection is gone")
        return await super().append_many(_kept(writes))


def _kept(writes: Any) -> tuple[StreamWrite, ...]:
    return tuple(writes)


async def asked(store: MemoryEventStore) -> AskContext:
    async with rehearsing(store) as deps:
        return await ask_council(QUESTION, deps)


async def calls_in(store: MemoryEventStore) -> Counter[str]:
    events = await store.read_stream(f"llm-{WEEK_ID}")
    asked = (e.payload for e in events if e.payload["stage"].startswith("ask_"))
    return Counter(f"{call['stage']} {call['asked_by']}" for call in asked)


async def test_rehearsal_models_answer_and_say_that_they_cannot_know() -> None:
    store = MemoryEventStore(project)

    context = await asked(store)

    assert context.settled is not None
    assert "This is a rehearsal: a fixed rule wrote this" in context.settled.final.answer
    assert "No market table was shown" in context.settled.final.answer
    assert {given.answer.confidence for given in context.answers} == {"low"}
    assert len(context.rankings) == 5
    assert (await calls_in(store)).total() == CALLS_FOR_A_QUESTION
    assert context.degraded == ()


async def test_with_a_market_table_they_add_what_their_rules_read_in_it() -> None:
    store = MemoryEventStore(project)
    async with rehearsing(store) as deps:
        await run_week(WEEK_ID, deps, until="snapshot")

    context = await asked(store)

    answers = {given.answer.answer for given in context.answers}
    assert len(answers) == 5
    assert all("Its rule is that" in answer for answer in answers)


@pytest.mark.parametrize("kind", ["QuestionAnswered", "AnswersRanked", "QuestionSettled"])
async def test_a_question_cut_off_before_a_stage_was_stored_asks_no_model_twice(kind: str) -> None:
    store = FailingStore(project)
    store.failing = kind
    with pytest.raises(StoreUnavailable):
        await asked(store)

    store.failing = ""
    context = await asked(store)

    assert context.settled is not None
    assert (await calls_in(store)).total() == CALLS_FOR_A_QUESTION


async def test_two_questions_at_once_do_not_mix() -> None:
    store = MemoryEventStore(project)

    async with rehearsing(store) as deps:
        first, second = await all_at_once(
            [ask_council(QUESTION, deps), ask_council("And silver?", deps)]
        )

    assert first.opening.question != second.opening.question
    assert not first.prompt_hashes & second.prompt_hashes
