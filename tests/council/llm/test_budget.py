"""Caps: what is set aside, what is refused, and what the records of other processes count."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from config.clock import VirtualClock
from config.model_schema import BudgetConfig, PriceConfig, PriceTable
from config.schema import Config
from council.codec import to_event, to_fact
from council.events import ModelCalled
from council.llm.budget import STAGE_RUN
from council.ports import Abstained, Answered
from store.events import StoredEvent
from store.memory import MemoryEventStore
from tests.builders import MANAGERS, NOW, WEEK_ID, make_config
from tests.council.fact_examples import make_call
from tests.council.llm.stub import (
    ScriptedGateway,
    completion,
    failure,
    make_models,
    make_store,
    question,
)

# 8,000 tokens of answer are set aside: 0.08 USD, and a little for the prompt.
PRICE = PriceConfig(input=Decimal(1), output=Decimal(10))
MODELS = tuple(f"vendor-{index}/model-{index}" for index in range(5))


def capped(**caps: Any) -> Config:
    """Return a configuration with these caps, in which every model has the same price."""
    config = make_config()
    prices = PriceTable(usd_per_million=dict.fromkeys(MODELS, PRICE))
    update = {"budget": BudgetConfig.model_validate(caps), "prices": prices}
    return config.model_copy(update={"models": config.models.model_copy(update=update)})


class CountingStore(MemoryEventStore):
    """A store without read tables that counts how often a stream or a kind was read."""

    def __init__(self) -> None:
        super().__init__(lambda event: ())
        self.read: Counter[str] = Counter()

    async def read_stream(self, stream: str, after_version: int = 0) -> tuple[StoredEvent, ...]:
        self.read[stream] += 1
        return await super().read_stream(stream, after_version)

    def read_all(
        self, after_position: int = 0, *, event_types: Sequence[str] | None = None
    ) -> AsyncIterator[StoredEvent]:
        self.read.update(event_types or ())
        return super().read_all(after_position, event_types=event_types)


async def record(store: MemoryEventStore, clock: VirtualClock, **changes: Any) -> None:
    """Record a call as another process would."""
    call = make_call(
        **{"stage": "checkpoint", "mode": "strict", "reserved_usd": Decimal("0.1"), **changes}
    )
    await store.append(call.stream, (to_event(call, at=clock.now()),))


async def calls_in(store: MemoryEventStore) -> list[ModelCalled]:
    events = await store.read_stream(f"llm-{WEEK_ID}")
    return [fact for event in events if isinstance(fact := to_fact(event), ModelCalled)]


async def test_a_call_that_fits_is_recorded_with_what_was_set_aside() -> None:
    store = make_store()
    models = make_models(ScriptedGateway(completion()), config=capped(stage_usd=1), store=store)

    await models.ask(question())

    call = (await calls_in(store))[0]
    assert call.cost_usd == Decimal("0.0125")
    assert call.reserved_usd is not None
    assert Decimal("0.08") < call.reserved_usd < Decimal("0.081")


@pytest.mark.parametrize(
    ("cap", "named"),
    [
        ("stage_usd", "one run of checkpoint"),
        ("week_usd", f"week {WEEK_ID}"),
        ("month_usd", "the month 2026-11"),
    ],
)
async def test_a_call_over_a_cap_is_not_made_and_the_cap_is_named(cap: str, named: str) -> None:
    script = ScriptedGateway(completion())

    result = await make_models(script, config=capped(**{cap: 0.05})).ask(question())

    assert isinstance(result, Abstained)
    assert result.outcome == "over_budget"
    assert result.reason.startswith("budget: 0.00 of the 0.05 USD for " + named)
    assert script.requests == []


async def test_calls_under_way_at_once_share_the_cap() -> None:
    script = ScriptedGateway(completion())
    models = make_models(script, config=capped(stage_usd="0.25"))

    results = await asyncio.gather(*(models.ask(question(name)) for name in MANAGERS))

    assert sum(isinstance(result, Answered) for result in results) == 3
    assert len(script.requests) == 3


async def test_questions_that_are_asked_at_once_read_once_what_was_asked_and_spent() -> None:
    store = CountingStore()
    models = make_models(ScriptedGateway(completion()), config=capped(week_usd=10), store=store)
    await models.ask(question("ALPHA", "before"))
    store.read.clear()

    await asyncio.gather(*(models.ask(question(name)) for name in MANAGERS))

    assert store.read == Counter({f"llm-{WEEK_ID}": 1, "ModelCalled": 1})


async def test_what_a_call_did_not_cost_is_free_for_the_next() -> None:
    models = make_models(ScriptedGateway(completion()), config=capped(stage_usd="0.15"))

    results = [await models.ask(question(name)) for name in MANAGERS]

    assert all(isinstance(result, Answered) for result in results)


async def test_what_another_process_spent_counts() -> None:
    store, clock = make_store(), VirtualClock(NOW)
    models = make_models(
        ScriptedGateway(completion()), config=capped(week_usd=1), store=store, clock=clock
    )
    assert isinstance(await models.ask(question()), Answered)
    await record(store, clock, cost_usd=Decimal("0.95"))

    result = await models.ask(question("BRAVO"))

    assert isinstance(result, Abstained)
    assert result.reason.startswith("budget: 0.96 of the 1.00 USD for week")


@pytest.mark.parametrize(
    ("outcome", "reason", "refused"),
    [
        ("answered", None, True),
        ("timed_out", "no answer within 5 s", True),
        ("garbled", "the gateway's answer is not JSON", True),
        ("refused", "the model declined: no", True),
        ("refused", "HTTP 400: no", False),
        ("unreachable", "HTTP 503: down", False),
    ],
)
async def test_an_unknown_cost_counts_with_what_was_set_aside_where_it_may_be_billed(
    outcome: str, reason: str | None, *, refused: bool
) -> None:
    store, clock = make_store(), VirtualClock(NOW)
    lost = {"cost_usd": None, "cost_source": "none", "outcome": outcome, "reason": reason}
    await record(store, clock, **lost)
    models = make_models(
        ScriptedGateway(completion()), config=capped(week_usd="0.15"), store=store, clock=clock
    )

    result = await models.ask(question())

    assert isinstance(result, Abstained) is refused


async def test_every_checkpoint_of_a_week_has_the_stages_cap_for_itself() -> None:
    store, clock = make_store(), VirtualClock(NOW)
    await record(store, clock, cost_usd=Decimal("0.99"))
    config = capped(stage_usd=1, week_usd=10)
    models = make_models(ScriptedGateway(completion()), config=config, store=store, clock=clock)

    now = await models.ask(question())
    await clock.sleep(STAGE_RUN + timedelta(seconds=1))
    later = await models.ask(question())

    assert isinstance(now, Abstained)
    assert isinstance(later, Answered)


async def test_a_report_of_a_research_service_counts_for_the_week_and_not_for_the_stage() -> None:
    store, clock = make_store(), VirtualClock(NOW)
    await record(store, clock, cost_usd=Decimal(3), mode=None)
    config = capped(stage_usd=1, week_usd="3.05")

    in_stage = await make_models(
        ScriptedGateway(completion()), config=capped(stage_usd=1), store=store, clock=clock
    ).ask(question())
    in_week = await make_models(
        ScriptedGateway(completion()), config=config, store=store, clock=clock
    ).ask(question("BRAVO"))

    assert isinstance(in_stage, Answered)
    assert isinstance(in_week, Abstained)


async def test_a_new_month_begins_at_midnight_in_new_york() -> None:
    store, clock = make_store(), VirtualClock(NOW)
    await record(store, clock, cost_usd=Decimal(45), week_id="2026-11-11")
    models = make_models(
        ScriptedGateway(completion()), config=capped(month_usd=45), store=store, clock=clock
    )

    in_november = await models.ask(question())
    await clock.sleep(timedelta(days=13))
    in_december = await models.ask(question())

    assert clock.now().month == 12
    assert isinstance(in_november, Abstained)
    assert isinstance(in_december, Answered)


async def test_a_retry_is_paid_like_a_first_try() -> None:
    script = ScriptedGateway(httpx2.ReadTimeout("late"), completion())
    models = make_models(script, config=capped(stage_usd="0.15"))

    result = await models.ask(question())

    assert isinstance(result, Abstained)
    assert (result.outcome, len(script.requests)) == ("over_budget", 1)


@pytest.mark.parametrize(
    ("failure_on_the_wire", "requests"),
    [(httpx2.ConnectError("refused"), 2), (httpx2.RemoteProtocolError("dropped"), 1)],
)
async def test_a_connection_that_breaks_off_may_be_billed_and_one_never_made_is_not(
    failure_on_the_wire: Exception, requests: int
) -> None:
    script = ScriptedGateway(failure_on_the_wire, completion())

    await make_models(script, config=capped(stage_usd="0.15")).ask(question())

    assert len(script.requests) == requests


async def test_a_recorded_answer_is_replayed_whatever_the_cap() -> None:
    store, script = make_store(), ScriptedGateway(completion())
    first = await make_models(script, config=capped(), store=store).ask(question())

    again = await make_models(script, config=capped(week_usd="0.01"), store=store).ask(question())

    assert again == first


async def test_what_was_over_budget_can_be_asked_once_there_is_room() -> None:
    store, script = make_store(), ScriptedGateway(completion())
    refused = await make_models(script, config=capped(week_usd="0.01"), store=store).ask(question())

    again = await make_models(script, config=capped(week_usd=1), store=store).ask(question())

    assert isinstance(refused, Abstained)
    assert isinstance(again, Answered)


async def test_without_a_cost_of_the_gateway_tokens_and_table_give_an_estimate() -> None:
    store = make_store()
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100}
    script = ScriptedGateway(failure(500, "oops"), completion(usage=usage), completion(usage=None))
    models = make_models(script, config=capped(), store=store)

    await models.ask(question())
    await models.ask(question("BRAVO"))

    costs = [(call.cost_source, call.cost_usd) for call in await calls_in(store)]
    assert costs == [("none", None), ("estimate", Decimal("0.002")), ("none", None)]
