from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from config.clock import FixedClock
from config.errors import UsageError
from council.codec import event_id_of
from council.context import WeekContext
from council.errors import (
    ConfigurationChanged,
    ModelsUnreachable,
    NoPrices,
    StageOutOfOrder,
    WeekBusy,
    WeekClosed,
)
from council.events import StageCompleted
from council.pipeline import STAGES, STEPS, load_week, run_step, run_week
from council.ports import Abstained, Deps, Progress
from store.events import StoredEvent
from tests.builders import MANAGERS, WEEK_ID, make_config
from tests.fakes import FakeMarketData, FakeModels, FakeResearch, abstained, make_deps, usual_answer

ASKED_IN_A_WEEK = len(MANAGERS) * 2 + 1
NEXT_WEEK = "2026-11-25"


def away() -> Abstained:
    """Return what everybody gets from a gateway that does not take the key."""
    return Abstained("vendor/silent", "HTTP 401: bad key", "unreachable")


async def log_of(deps: Deps) -> list[StoredEvent]:
    return [event async for event in deps.store.read_all()]


async def test_a_whole_week_ends_with_a_pending_trade_for_every_account() -> None:
    deps = make_deps()

    context = await run_week(WEEK_ID, deps, query="Is gold due?")

    assert context.completed == set(STAGES)
    assert context.started is not None
    assert context.started.query == "Is gold due?"
    assert (len(context.packs), len(context.pitches), len(context.reviews)) == (2, 5, 20)
    assert context.decision is not None
    assert len(context.proposals) == 6
    trades = await deps.store.rows("trades", where={"week_id": WEEK_ID, "status": "pending"})
    assert {row["account_id"] for row in trades} == {a.nickname for a in deps.config.accounts}


async def test_what_is_loaded_is_what_the_run_returned() -> None:
    deps = make_deps()

    context = await run_week(WEEK_ID, deps)

    assert await load_week(WEEK_ID, deps.store) == context


async def test_running_a_finished_week_again_adds_no_event_and_asks_nobody() -> None:
    models = FakeModels()
    deps = make_deps(models=models)
    first = await run_week(WEEK_ID, deps)
    before = await log_of(deps)

    again = await run_week(WEEK_ID, deps)

    assert again == first
    assert await log_of(deps) == before
    assert len(models.asked) == ASKED_IN_A_WEEK


async def test_a_finished_week_can_be_run_long_after_and_under_another_configuration() -> None:
    deps = make_deps()
    first = await run_week(WEEK_ID, deps)
    later = FixedClock(datetime(2027, 3, 1, tzinfo=UTC))

    again = await run_week(
        WEEK_ID, replace(deps, clock=later, config=make_config(content_hash="other"))
    )

    assert again == first


async def test_stages_run_one_by_one_give_the_same_week_as_all_at_once() -> None:
    whole, stepped = make_deps(), make_deps()
    context = await run_week(WEEK_ID, whole)

    for stage in STAGES:
        await run_week(WEEK_ID, stepped, until=stage)

    assert await load_week(WEEK_ID, stepped.store) == context


async def test_the_steps_together_run_every_stage_once() -> None:
    deps = make_deps()

    for step in STEPS:
        context = await run_step(WEEK_ID, deps, step=step)

    assert context.completed == set(STAGES)
    assert sum(STEPS.values(), ()) == STAGES


@pytest.mark.parametrize(
    ("step", "command"),
    [
        ("pitch", "research"),
        ("peer_review", "research"),
        ("chairman", "research"),
    ],
)
async def test_a_step_before_its_turn_names_the_command_to_run_first(
    step: str, command: str
) -> None:
    deps = make_deps()

    with pytest.raises(StageOutOfOrder, match=f"run `council {command} --week {WEEK_ID}` first"):
        await run_step(WEEK_ID, deps, step=step)

    assert await log_of(deps) == []


async def test_the_first_missing_step_is_named() -> None:
    deps = make_deps()
    await run_step(WEEK_ID, deps, step="research")

    with pytest.raises(StageOutOfOrder, match="council pm-pitches"):
        await run_step(WEEK_ID, deps, step="chairman")


async def test_a_step_that_is_stored_returns_at_once() -> None:
    models = FakeModels()
    deps = make_deps(models=models)
    await run_week(WEEK_ID, deps)

    await run_step(WEEK_ID, deps, step="pitch")

    assert len(models.asked) == ASKED_IN_A_WEEK


async def test_every_event_of_the_week_follows_from_the_stage_before() -> None:
    deps = make_deps()
    await run_week(WEEK_ID, deps)

    events = await log_of(deps)

    assert {event.correlation_id for event in events} == {f"week-{WEEK_ID}"}
    pitched = next(event for event in events if event.event_type == "PitchMade")
    cause = StageCompleted(week_id=WEEK_ID, stage="research")
    assert pitched.parent_event_id == event_id_of(cause)
    assert events[0].event_type == "WeekStarted"


@pytest.mark.parametrize(
    ("now", "week_id", "said"),
    [
        (datetime(2026, 11, 24, 20, 31, tzinfo=UTC), WEEK_ID, "took its last entry"),
        (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), NEXT_WEEK, "has not come yet"),
    ],
    ids=["over", "to come"],
)
async def test_a_week_out_of_its_time_is_not_begun(now: datetime, week_id: str, said: str) -> None:
    deps = make_deps(clock=FixedClock(now))

    with pytest.raises(WeekClosed, match=said):
        await run_week(week_id, deps)

    assert await log_of(deps) == []


@pytest.mark.parametrize(
    "now",
    [datetime(2026, 11, 24, 20, 30, tzinfo=UTC), datetime(2026, 11, 18, 5, 0, tzinfo=UTC)],
    ids=["at its last entry", "before it starts"],
)
async def test_the_week_in_force_can_be_run(now: datetime) -> None:
    context = await run_week(WEEK_ID, make_deps(clock=FixedClock(now)), until="snapshot")

    assert context.completed == {"snapshot"}


async def test_a_week_left_unfinished_stays_so_once_it_is_over() -> None:
    deps = make_deps()
    await run_week(WEEK_ID, deps, until="pitch")
    late = replace(deps, clock=FixedClock(datetime(2026, 11, 25, 13, tzinfo=UTC)))

    with pytest.raises(WeekClosed, match="unfinished"):
        await run_week(WEEK_ID, late)


async def test_a_day_that_is_no_wednesday_is_no_week() -> None:
    with pytest.raises(UsageError, match="Wednesday"):
        await run_week("2026-11-19", make_deps())


@pytest.mark.parametrize(
    "change",
    [{"config": make_config(content_hash="other")}, {"mode": "live"}],
    ids=["configuration", "mode"],
)
async def test_a_week_does_not_go_on_under_another_configuration(change: dict[str, Any]) -> None:
    deps = make_deps()
    await run_week(WEEK_ID, deps, until="research")
    before = await log_of(deps)

    with pytest.raises(ConfigurationChanged, match="to finish it"):
        await run_week(WEEK_ID, replace(deps, **change))

    assert await log_of(deps) == before


async def test_a_week_that_another_process_runs_is_busy() -> None:
    deps = make_deps()

    async with deps.locks.exclusive(f"week-{WEEK_ID}"):
        with pytest.raises(WeekBusy):
            await run_week(WEEK_ID, deps)

    assert await log_of(deps) == []


async def test_without_any_prices_nothing_is_stored() -> None:
    deps = make_deps()
    empty = replace(deps, market_data=FakeMarketData(deps.calendar, symbols=()))

    with pytest.raises(NoPrices):
        await run_week(WEEK_ID, empty)

    assert await log_of(deps) == []


async def test_too_few_pitches_leave_the_council_without_a_trade_and_say_so() -> None:
    silent = MANAGERS[:3]
    models = FakeModels(lambda q: abstained() if q.asked_by in silent else usual_answer(q))

    context = await run_week(WEEK_ID, make_deps(models=models))

    assert context.decision is None
    assert context.no_decision is not None
    assert models.asked_in("peer_review") == models.asked_in("chairman") == []
    assert {proposal.account for proposal in context.proposals} == set(MANAGERS[3:])
    assert any("No council trade: “2 of 5 managers pitched" in said for said in context.degraded)


@pytest.mark.parametrize("stage", ["pitch", "peer_review"])
async def test_a_gateway_that_is_away_spends_no_week(stage: str) -> None:
    deps = make_deps(models=FakeModels(lambda q: away() if q.stage == stage else usual_answer(q)))

    with pytest.raises(ModelsUnreachable, match="HTTP 401: bad key"):
        await run_week(WEEK_ID, deps)

    before = await load_week(WEEK_ID, deps.store)
    assert stage not in before.completed
    again = await run_week(WEEK_ID, replace(deps, models=FakeModels()))
    assert len(again.proposals) == 6
    assert again.snapshot == before.snapshot


async def test_research_that_reaches_nobody_is_run_again() -> None:
    deps, silent = make_deps(), FakeResearch("silent", away())
    dark = replace(deps, research={"A": (silent,), "B": (silent,)})

    with pytest.raises(ModelsUnreachable):
        await run_week(WEEK_ID, dark)

    assert len((await run_week(WEEK_ID, deps)).packs) == 2


async def test_models_that_all_answer_badly_are_abstentions_and_no_outage() -> None:
    invalid = Abstained("vendor/silent", "no JSON", "invalid")
    deps = make_deps(models=FakeModels(lambda _: invalid))

    context = await run_week(WEEK_ID, deps)

    assert len(context.pitch_abstentions) == len(MANAGERS)
    assert context.proposals == ()


async def test_progress_is_told_from_each_stages_beginning_to_its_end() -> None:
    told: list[Progress] = []

    await run_week(WEEK_ID, make_deps(tell=told.append))

    stored = [news for news in told if news.message == "is stored"]
    assert [news.stage for news in stored] == list(STAGES)
    assert [news.done for news in stored] == [1, 2, 3, 4, 5, 6]


async def test_a_second_question_for_a_week_is_said_to_be_too_late() -> None:
    told: list[Progress] = []
    deps = make_deps(tell=told.append)
    await run_week(WEEK_ID, deps, query="Gold?", until="snapshot")

    context = await run_week(WEEK_ID, deps, query="Oil?", until="research")

    assert context.started is not None
    assert context.started.query == "Gold?"
    assert any("keeps the question" in news.message for news in told)


async def test_a_question_too_long_for_the_prompt_is_refused_and_not_cut() -> None:
    deps = make_deps()

    with pytest.raises(UsageError, match="2001 characters: shorten it to 2000"):
        await run_week(WEEK_ID, deps, query="x" * 2_001)

    assert await log_of(deps) == []


async def test_an_unknown_week_loads_empty() -> None:
    assert await load_week(NEXT_WEEK, make_deps().store) == WeekContext(NEXT_WEEK)
