"""What a report can cost is set aside before it is ordered, for week and month alone."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from config.clock import VirtualClock
from config.model_schema import BudgetConfig
from council.llm.budget import Budget, Claim
from council.llm.journal import Journal
from council.ports import Abstained, ResearchResult
from store.memory import MemoryEventStore
from tests.builders import NOW, WEEK_ID
from tests.council.research.scripted import (
    TASK,
    Killed,
    Script,
    gemini,
    gemini_report,
    make_store,
    perplexity,
    researcher,
    said,
)


def budget_over(store: MemoryEventStore, **caps: Any) -> Budget:
    clock = VirtualClock(NOW)
    return Budget(Journal(store, clock), clock, BudgetConfig.model_validate(caps))


def claim_of(usd: str) -> Claim:
    return Claim(uuid4(), WEEK_ID, "pitch", Decimal(usd))


async def test_a_report_that_the_week_has_no_room_for_is_not_ordered() -> None:
    store, script = make_store(), Script()
    budget = budget_over(store, week_usd=Decimal("0.5"))

    result = await researcher(perplexity(script), store=store, budget=budget).research(TASK)

    assert isinstance(result, Abstained)
    assert result.outcome == "over_budget"
    assert "week 2026-11-18" in result.reason
    assert script.requests == []


async def test_a_report_may_cost_more_than_a_run_of_its_stage() -> None:
    store, script = make_store(), Script(gets=[gemini_report()])
    budget = budget_over(store, stage_usd=Decimal(1), week_usd=Decimal(10))

    result = await researcher(gemini(script), store=store, budget=budget).research(TASK)

    assert isinstance(result, ResearchResult)


async def test_the_actual_cost_takes_the_place_of_what_was_set_aside() -> None:
    store = make_store()
    budget = budget_over(store, week_usd=Decimal("1.42"))

    first = await researcher(perplexity(Script()), store=store, budget=budget).research(TASK)
    other = replace(TASK, pack="B")
    second = await researcher(perplexity(Script()), store=store, budget=budget).research(other)

    assert isinstance(first, ResearchResult)
    assert isinstance(second, ResearchResult)


async def test_a_job_that_was_refused_leaves_the_room_to_others() -> None:
    store, budgeted = make_store(), Script(posts=[said({}, 401)])
    budget = budget_over(store, week_usd=Decimal(1))

    first = await researcher(perplexity(budgeted), store=store, budget=budget).research(TASK)
    second = await researcher(perplexity(Script()), store=store, budget=budget).research(TASK)

    assert isinstance(first, Abstained)
    assert isinstance(second, ResearchResult)


@pytest.mark.parametrize(
    "end",
    [
        Script(posts=[httpx2.ReadTimeout("late")]),
        Script(gets=[said({"status": "failed"})]),
        Script(gets=[said({"status": "in_progress"})]),
        Script(gets=[gemini_report(usage=None)]),
    ],
    ids=["lost", "failed", "timed_out", "of unknown cost"],
)
async def test_what_may_have_been_paid_counts_once_with_what_was_set_aside(end: Script) -> None:
    store = make_store()
    budget = budget_over(store, week_usd=Decimal(4))

    await researcher(gemini(end), store=store, budget=budget).research(TASK)

    for counting in (budget, budget_over(store, week_usd=Decimal(4))):
        assert await counting.reserve(claim_of("1.01")) is not None
        assert await counting.reserve(claim_of("1")) is None


async def test_a_job_that_another_process_ordered_is_set_aside_while_it_is_under_way() -> None:
    store, budget = make_store(), budget_over(make_store(), week_usd=Decimal("1.5"))
    killed = Script(gets=[Killed()])
    with pytest.raises(Killed):
        await researcher(perplexity(killed), store=store).research(TASK)

    with pytest.raises(Killed):  # the claim is looked at while the job is still waited for
        await researcher(perplexity(killed), store=store, budget=budget).research(TASK)

    assert await budget.reserve(claim_of("0.51")) is not None
    assert await budget.reserve(claim_of("0.5")) is None


async def test_a_job_under_way_is_followed_up_whatever_the_caps_say() -> None:
    store, script = make_store(), Script(gets=[said({}, 401)])
    await researcher(perplexity(script), store=store).research(TASK)
    budget = budget_over(store, week_usd=Decimal("0.01"))

    result = await researcher(perplexity(Script()), store=store, budget=budget).research(TASK)

    assert isinstance(result, ResearchResult)


@pytest.mark.parametrize(
    "end",
    [Script(posts=[said({}, 500)]), Script(gets=[said({}, 401)])],
    ids=["never clear", "key refused"],
)
async def test_a_job_that_is_left_open_counts_once_however_often_it_is_left(end: Script) -> None:
    store = make_store()
    budget = budget_over(store, week_usd=Decimal(2))

    for _ in range(2):
        await researcher(perplexity(end), store=store).research(TASK)
    await researcher(perplexity(end), store=store, budget=budget).research(TASK)

    for counting in (budget, budget_over(store, week_usd=Decimal(2))):
        assert await counting.reserve(claim_of("1.01")) is not None
        assert await counting.reserve(claim_of("1")) is None
