"""A step down is paid once, not once a process, and not for ever."""

from datetime import timedelta

import pytest

from config.clock import VirtualClock
from council.events import ModelCalled
from store.memory import MemoryEventStore
from tests.builders import NOW, WEEK_ID
from tests.council.llm.stub import (
    ScriptedGateway,
    completion,
    failure,
    make_models,
    make_store,
    question,
)
from tests.council.llm.test_calls import calls_in
from tests.council.llm.test_ladder import format_of

NO_SCHEMAS = failure(400, "json_schema is not supported")


async def store_with_a_step_down() -> MemoryEventStore:
    store = make_store()
    script = ScriptedGateway(NO_SCHEMAS, completion())
    await make_models(script, store=store).ask(question(own="before"))
    return store


async def first_format(
    store: MemoryEventStore, base_url: str = "https://gateway.invalid/v1", days: int = 0
) -> str:
    script = ScriptedGateway(completion())
    clock = VirtualClock(NOW + timedelta(days=days))
    await make_models(script, store=store, base_url=base_url, clock=clock).ask(question())
    return format_of(script.requests[0])


async def test_the_mode_that_worked_is_known_to_the_next_process() -> None:
    assert await first_format(await store_with_a_step_down()) == "json_object"


async def test_another_gateway_is_asked_strictly() -> None:
    store = await store_with_a_step_down()

    assert await first_format(store, "https://another.invalid/v1") == "json_schema"


@pytest.mark.parametrize(("days", "asked"), [(27, "json_object"), (29, "json_schema")])
async def test_after_some_weeks_the_model_is_asked_strictly_again(days: int, asked: str) -> None:
    assert await first_format(await store_with_a_step_down(), days=days) == asked


async def test_a_model_that_answers_strictly_leaves_nothing_to_remember() -> None:
    store = make_store()

    await make_models(ScriptedGateway(completion()), store=store).ask(question())

    assert await store.read_stream("llm-modes") == ()


async def test_every_call_says_in_which_mode_it_was_made() -> None:
    store = make_store()
    script = ScriptedGateway(NO_SCHEMAS, failure(400, "json is not supported"), completion())

    await make_models(script, store=store).ask(question())

    modes = [call.mode for call in await calls_in(store)]
    assert modes == ["strict", "json_object", "prompt_only"]


async def test_a_call_recorded_before_modes_were_still_reads() -> None:
    store = make_store()
    await make_models(ScriptedGateway(completion()), store=store).ask(question())
    (event,) = await store.read_stream(f"llm-{WEEK_ID}")
    del event.payload["mode"]

    assert ModelCalled.model_validate(event.payload).mode is None
