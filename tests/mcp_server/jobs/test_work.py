"""What jobs do on a wired council: by the same calls as the commands, and told in one sentence."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from config.clock import Clock, SystemClock, VirtualClock
from config.errors import UnreachableError
from config.market_calendar import xnys
from config.settings import Settings
from council.codec import to_event
from council.jobs.record import recent_slot_facts
from council.jobs.timetable import Timetable
from council.result_facts import PricesMarked
from council.slot_facts import SlotDone
from mcp_server import cli
from mcp_server.jobs import upkeep
from mcp_server.jobs.upkeep import keep_up
from mcp_server.jobs.work import CouncilWork, carry_out_job
from mcp_server.jobs.worker import WorkerTerms, work_on
from mcp_server.wiring import App, Terms, assembled, opened_store
from tests.config import nyse
from tests.mcp_server.jobs.waiting import until

WEEK_AT = nyse.at(date(2026, 11, 18), "08:02")


@asynccontextmanager
async def store_at(settings: Settings, clock: Clock) -> AsyncIterator[App]:
    """Open the store and the calendar alone."""
    async with opened_store(settings, Terms(clock=clock)) as opened:
        yield replace(opened, deps=replace(opened.deps, calendar=xnys()))


async def test_a_look_at_a_week_that_was_never_run_is_done_and_says_so(settings: Settings) -> None:
    clock = VirtualClock(nyse.at(date(2026, 11, 18), "09:01"))
    async with store_at(settings, clock) as app:
        (result,) = await carry_out_job(app, "checkpoint")

    assert result.state == "done"
    assert result.message == "Nothing was looked at: the week 2026-11-18 was never run."


async def test_a_postmortem_of_a_week_that_was_never_run_is_done_and_says_so(
    settings: Settings,
) -> None:
    clock = VirtualClock(nyse.at(date(2026, 11, 24), "16:30"))
    async with store_at(settings, clock) as app:
        (result,) = await carry_out_job(app, "postmortem")

    assert result.message == "Nothing was written: the week 2026-11-18 was never run."


async def test_a_slot_whose_prices_were_marked_by_hand_counts_as_done(settings: Settings) -> None:
    async with store_at(settings, VirtualClock(WEEK_AT)) as app:
        timetable = Timetable(xnys(), app.deps.config.schedule)
        nine, noon, *_ = timetable.slots("checkpoint", WEEK_AT, WEEK_AT + timedelta(days=1))
        fact = PricesMarked(
            week_id="2026-11-18",
            session_on=date(2026, 11, 18),
            slot="09:00",
            marked_at=nine.due_at,
            source="synthetic",
            prices={},
        )
        await app.deps.store.append(fact.stream, (to_event(fact, at=WEEK_AT),))

        work = CouncilWork(app)

        assert await work.found_done(nine) is not None
        assert await work.found_done(noon) is None


async def test_each_step_of_the_upkeep_fails_alone_and_the_outcome_says_which(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def publish_head(_: App) -> str:
        return "the head was published"

    async def prune_answers(_: App) -> str:
        raise ZeroDivisionError("sk-secret")

    async def back_up(_: App) -> str:
        raise UnreachableError("The disk is away: mount it.")

    steps = {step.__name__: step for step in (publish_head, prune_answers, back_up)}
    monkeypatch.setattr(
        upkeep, "import_module", lambda name: SimpleNamespace(**{k: steps[k] for k in steps})
    )
    async with store_at(settings, VirtualClock(WEEK_AT)) as app:
        worked = await keep_up(app)

    assert worked.problems == (
        "Prune answers failed: unexpected ZeroDivisionError, the log says why and where.",
        "Back up failed: The disk is away: mount it.",
    )
    assert worked.outcome.startswith("The head was published. Prune answers failed")


async def test_the_upkeep_of_a_day_is_recorded_with_its_problems_and_never_done_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(_: App) -> str:
        raise UnreachableError("The disk is away: mount it.")

    steps = dict.fromkeys(upkeep.STEPS, failing)
    monkeypatch.setattr(upkeep, "import_module", lambda name: SimpleNamespace(**steps))
    clock = VirtualClock(nyse.at(date(2026, 11, 18), "17:31"))
    async with store_at(settings, clock) as app:
        first, second = [await carry_out_job(app, "daily") for _ in range(2)]
        (fact,) = await recent_slot_facts(clock.now(), app.deps.store)

    assert (first[0].state, second[0].state) == ("done", "already done")
    assert isinstance(fact, SlotDone)
    assert len(fact.problems) == len(upkeep.STEPS)


def test_the_command_says_as_json_what_became_of_the_slot(
    environment: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noon_at = nyse.at(date(2026, 11, 21), "12:00")
    monkeypatch.setattr(SystemClock, "now", lambda _: noon_at)

    code = cli.run(["job", "daily", "--json"])

    assert code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["job"] == "daily"
    assert [own["state"] for own in document["slots"]] == ["nothing due"]


@pytest.mark.parametrize("arguments", [["job", "yearly"], ["worker", "--heartbeat", "0"]])
def test_what_is_no_job_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.run(arguments)

    assert code == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.slow
async def test_a_worker_without_a_queue_runs_the_week_and_ends_when_told(
    settings: Settings,
) -> None:
    clock = VirtualClock(WEEK_AT)
    terms = WorkerTerms(looking=timedelta(seconds=0.2), is_alone=True)
    async with assembled(settings, Terms(clock=clock)) as app:
        working = asyncio.create_task(work_on(app, terms))
        await until(lambda: _done(app))
        working.cancel()
        (ended,) = await asyncio.gather(working, return_exceptions=True)

    assert isinstance(ended, asyncio.CancelledError)


async def _done(app: App) -> bool:
    facts = await recent_slot_facts(app.deps.clock.now(), app.deps.store)
    return any(isinstance(fact, SlotDone) and fact.job == "weekly" for fact in facts)
