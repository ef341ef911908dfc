"""Attempts, waits, deadlines and replays, counted at the wire."""

from datetime import timedelta

import pytest

from config.clock import VirtualClock
from council.codec import to_fact
from council.events import ModelCalled
from council.llm.journal import ANSWER_CHARACTERS, answer_sha256, stored_answer
from council.ports import Abstained, Answered
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


async def calls_in(store: MemoryEventStore) -> list[ModelCalled]:
    events = await store.read_stream(f"llm-{WEEK_ID}")
    return [fact for event in events if isinstance(fact := to_fact(event), ModelCalled)]


async def test_every_attempt_is_recorded_with_what_it_cost() -> None:
    store = make_store()
    models = make_models(ScriptedGateway(failure(500, "oops"), completion()), store=store)

    await models.ask(question())

    calls = await calls_in(store)
    assert [call.outcome for call in calls] == ["unreachable", "answered"]
    assert [call.attempt for call in calls] == [1, 2]
    assert [call.cost_source for call in calls] == ["none", "provider"]
    assert [str(call.cost_usd) for call in calls] == ["None", "0.0125"]
    assert calls[1].served_model == "vendor/served"
    assert calls[1].requested_model == "vendor-0/model-0"


@pytest.mark.parametrize("attempts", [1, 3])
async def test_a_gateway_that_is_down_is_tried_so_many_times_and_no_more(attempts: int) -> None:
    script = ScriptedGateway(failure(503, "down"))

    result = await make_models(script, attempts=attempts).ask(question())

    assert isinstance(result, Abstained)
    assert result.outcome == "unreachable"
    assert len(script.requests) == attempts


@pytest.mark.parametrize("status", [401, 402, 403, 412])
async def test_what_only_the_operator_can_mend_is_not_tried_again(status: int) -> None:
    script = ScriptedGateway(failure(status, "pay first"))

    result = await make_models(script).ask(question())

    assert isinstance(result, Abstained)
    assert result.reason == f"HTTP {status}: pay first"
    assert len(script.requests) == 1


async def test_the_wait_before_a_retry_doubles_is_jittered_and_capped() -> None:
    clock = VirtualClock(NOW)
    script = ScriptedGateway(failure(500, "oops"))

    await make_models(script, clock=clock, random=0.5, attempts=3).ask(question())

    assert clock.now() - NOW == timedelta(seconds=0.25 + 0.5)


async def test_a_gateways_own_wait_is_kept() -> None:
    clock = VirtualClock(NOW)
    script = ScriptedGateway(failure(429, "slow down", **{"Retry-After": "12"}), completion())

    result = await make_models(script, clock=clock).ask(question())

    assert isinstance(result, Answered)
    assert clock.now() - NOW == timedelta(seconds=12)


async def test_a_wait_beyond_the_stages_deadline_is_not_begun() -> None:
    clock = VirtualClock(NOW)
    script = ScriptedGateway(failure(429, "slow down", **{"Retry-After": "31"}), completion())

    result = await make_models(script, clock=clock, stage_timeout_seconds=30).ask(question())

    assert isinstance(result, Abstained)
    assert (clock.now(), len(script.requests)) == (NOW, 1)


async def test_a_second_ask_replays_the_answer_and_sends_nothing() -> None:
    store, script = make_store(), ScriptedGateway(completion())
    first = await make_models(script, store=store).ask(question())

    second = await make_models(script, store=store).ask(question())

    assert second == first
    assert len(script.requests) == 1
    assert len(await calls_in(store)) == 1


async def test_a_replay_goes_the_whole_ladder_again_without_a_call() -> None:
    script = ScriptedGateway(
        failure(400, "response_format json_schema is not supported"),
        completion("no json"),
        completion(),
    )
    store = make_store()
    first = await make_models(script, store=store).ask(question())

    second = await make_models(script, store=store).ask(question())

    assert second == first
    assert isinstance(second, Answered)
    assert second.outcome == "repaired"
    assert len(script.requests) == 3


async def test_a_replay_begins_where_the_first_run_began_whatever_is_remembered() -> None:
    store, refusal = make_store(), failure(400, "json is not supported")
    script = ScriptedGateway(refusal, refusal, completion())
    first = await make_models(script, store=store).ask(question())
    resumed = make_models(script, store=store)
    await resumed.ask(question(own="another"))

    second = await resumed.ask(question())

    assert second == first
    assert len(script.requests) == 4


async def test_a_refusal_is_replayed_but_a_failed_network_is_tried_again() -> None:
    store = make_store()
    script = ScriptedGateway(
        *[failure(503, "down")] * 2, completion(None, refusal="I will not do that")
    )
    assert isinstance(await make_models(script, store=store).ask(question()), Abstained)

    resumed = await make_models(script, store=store).ask(question())
    again = await make_models(script, store=store).ask(question())

    assert isinstance(resumed, Abstained)
    assert resumed.outcome == "refused"
    assert again == resumed
    assert len(script.requests) == 3
    assert [call.attempt for call in await calls_in(store)] == [1, 2, 3]


async def test_another_question_or_another_account_is_asked_anew() -> None:
    store, script = make_store(), ScriptedGateway(completion())
    models = make_models(script, store=store)

    for asked in (question(), question("BRAVO"), question(own="EXIT or STAY?")):
        await models.ask(asked)

    assert len(script.requests) == 3


async def test_an_answer_that_no_database_takes_is_cleaned_and_hashed_as_it_came() -> None:
    store = make_store()
    raw = 'half \x00 an \ud800 answer {"'
    script = ScriptedGateway(completion(raw))

    await make_models(script, store=store).ask(question())

    call = (await calls_in(store))[0]
    assert call.answer == 'half \ufffd an \ufffd answer {"'
    assert call.answer_sha256 == answer_sha256(raw)


def test_a_giant_answer_is_cut_for_storage() -> None:
    assert len(stored_answer("x" * 10_000_000)) == ANSWER_CHARACTERS


async def test_a_wait_beyond_all_bounds_ends_the_question_and_not_the_week() -> None:
    script = ScriptedGateway(failure(429, "slow down", **{"Retry-After": "1e300"}))

    result = await make_models(script).ask(question())

    assert isinstance(result, Abstained)
    assert len(script.requests) == 1
