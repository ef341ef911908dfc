"""Raw answers kept beside the log for a time: paid once all the same, and gone without a trace."""

from datetime import timedelta

import pytest

from config.clock import FixedClock
from council.codec import to_fact
from council.events import ModelCalled
from council.llm.journal import Journal, answer_sha256
from council.projections import project
from store.event_store import PostgresEventStore
from store.pool import open_pool
from store.projector import verify
from store.raw_answers import PostgresRawAnswers, Pruned
from tests.builders import NOW
from tests.council.fact_examples import make_call

ANSWER = "I am long SPY ☃ because."


def called(answer: str | None = ANSWER) -> ModelCalled:
    digest = None if answer is None else answer_sha256(answer)
    return make_call(answer=answer, answer_sha256=digest)


async def test_an_answer_apart_is_replayed_until_it_is_pruned_and_no_event_changes(
    database_dsn: str,
) -> None:
    pool = await open_pool(database_dsn, min_size=1, max_size=2, command_timeout_seconds=10)
    async with pool:
        store, apart = PostgresEventStore(pool, project), PostgresRawAnswers(pool)
        writer = Journal(store, FixedClock(NOW), apart=apart, keeps_apart=True)
        # Another process, under which the policy was taken back.
        reader = Journal(store, FixedClock(NOW), apart=apart)
        call = called()
        await writer.record(call)
        await writer.record(call)

        replayed = await reader.calls(call.week_id)
        (event,) = await store.read_stream(f"llm-{call.week_id}")
        before = await verify(pool)
        kept = await apart.prune(NOW)
        pruned = await apart.prune(NOW + timedelta(seconds=1))
        after = await verify(pool)
        left = await Journal(store, FixedClock(NOW), apart=apart).calls(call.week_id)

    assert replayed == {call.call_id: call}
    assert to_fact(event) == call.model_copy(update={"answer": None})
    assert (kept, pruned) == (Pruned(0, 0), Pruned(1, len(ANSWER.encode())))
    assert after == before
    assert left[call.call_id] == call.model_copy(update={"answer": None})


@pytest.mark.parametrize("answer", [ANSWER, None])
async def test_without_a_policy_the_answer_stands_in_its_event(
    database_dsn: str, answer: str | None
) -> None:
    pool = await open_pool(database_dsn, min_size=1, max_size=2, command_timeout_seconds=10)
    async with pool:
        store, apart = PostgresEventStore(pool, project), PostgresRawAnswers(pool)
        await Journal(store, FixedClock(NOW), apart=apart).record(called(answer))
        (event,) = await store.read_stream(f"llm-{called().week_id}")

        assert to_fact(event) == called(answer)
        assert await apart.prune(NOW + timedelta(days=1)) == Pruned(0, 0)
