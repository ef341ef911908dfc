"""A week under way on its page: who runs it, what the checkpoints saw, the report at its end."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from config.errors import UnreachableError
from config.ids import meaning_id
from config.settings import Settings
from council.events import CheckpointAbstained, CheckpointTaken
from council.model.checkpoint import Action
from council.result_facts import PostmortemAbstained
from council.run_facts import RunCancelled, RunRequested
from council.trade_facts import TradeProposed
from mcp_server.reporting.html import content_policy
from mcp_server.runs import run_id_for
from tests.builders import WEEK_ID, make_ticket
from tests.council.fact_examples import make_checkpoint
from tests.council.result_examples import week_numbers
from tests.mcp_server.weeks_scene import (
    AT,
    Outline,
    called,
    pitched,
    stages,
    started,
    store,
    visited,
    whole_week,
)

ADDRESS = f"/weeks/{WEEK_ID}"
RUN = run_id_for(WEEK_ID)
REPORT = f"{ADDRESS}/postmortem"


async def test_a_run_in_this_process_is_said_to_be_in_progress(
    settings: Settings, tmp_path: Path
) -> None:
    end = asyncio.Event()
    async with visited(settings, tmp_path) as (app, its, host):
        await store(app, started(), *stages("research"))
        host.runs.start(WEEK_ID, end.wait, run_id=RUN)
        shown = Outline((await its.get(ADDRESS)).text).text("standing")
        end.set()
        await host.runs.wait(WEEK_ID, timedelta(seconds=5))
        after = Outline((await its.get(ADDRESS)).text).text("standing")

    assert "unfinished: 2 of 6 stages" in shown
    assert "A run is in progress: what it stores appears here." in shown
    assert "Market table done Research done Pitches under way Peer review not yet" in shown
    assert "Pitches not yet" in after
    assert "Nobody is at work on it. `council run-weekly --week 2026-11-18`" in after


async def test_a_run_in_another_process_is_told_by_its_calls(
    settings: Settings, tmp_path: Path
) -> None:
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, started(), called(1), at=AT - timedelta(minutes=20))
        before = Outline((await its.get(ADDRESS)).text).text("standing")
        await store(app, called(2), at=AT - timedelta(minutes=1))
        after = Outline((await its.get(ADDRESS)).text).text("standing")

    assert "Nobody is at work on it." in before
    assert "A run is in progress in another process." in after
    assert "A model was asked last at Thu 19 Nov 09:59 New York." in after
    assert "Market table under way" in after


async def test_why_a_run_ended_early_is_told(settings: Settings, tmp_path: Path) -> None:
    async with visited(settings, tmp_path) as (app, its, host):
        await store(app, started())
        host.runs.start(WEEK_ID, _failing("No model answers."), run_id=RUN)
        await host.runs.wait(WEEK_ID, timedelta(seconds=5))
        failed = Outline((await its.get(ADDRESS)).text).text("standing")

    assert "The run failed: No model answers." in failed


def _failing(sentence: str) -> Callable[[], Awaitable[None]]:
    async def fails() -> None:
        raise UnreachableError(sentence)

    return fails


async def test_a_run_that_was_taken_back_is_told(settings: Settings, tmp_path: Path) -> None:
    asked = {"week_id": WEEK_ID, "run_id": RUN, "number": 1}
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, started(), RunRequested(**asked, query=None), RunCancelled(**asked))
        shown = Outline((await its.get(ADDRESS)).text).text("standing")

    assert "The run was taken back." in shown


async def test_a_week_past_its_last_entry_stays_unfinished(
    settings: Settings, tmp_path: Path
) -> None:
    async with visited(settings, tmp_path, at=AT + timedelta(weeks=1)) as (app, its, _):
        await store(app, started(), pitched("ALPHA"), *stages("pitch"))
        shown = Outline((await its.get(ADDRESS)).text).text("standing")

    assert "unfinished for good: 3 of 6 stages" in shown
    assert "its last entry has passed: it stays unfinished" in shown


async def test_a_finished_week_speaks_of_no_run(settings: Settings, tmp_path: Path) -> None:
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *whole_week())
        page = (await its.get(ADDRESS)).text

    assert 'id="run"' not in page


async def test_checkpoints_stand_by_day_and_slot(settings: Settings, tmp_path: Path) -> None:
    stay = _look("ALPHA", Action.STAY, "12:00")
    leave = _look("BRAVO", Action.EXIT, "09:00", later=timedelta(days=1))
    asked = _trade_of(leave)
    missed = CheckpointAbstained(
        week_id=WEEK_ID,
        account="CHARLIE",
        checkpoint_id=meaning_id("look", "CHARLIE"),
        slot="12:00",
        model="vendor/model",
        reason="Two answers were no JSON",
    )
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *whole_week(), stay, leave, asked)
        await store(app, missed, at=AT + timedelta(days=1))
        page = (await its.get(ADDRESS)).text

    shown = Outline(page)
    told = shown.text("checkpoints")
    first, _, second = told.partition("Friday, 20 November")
    assert "Thursday, 19 November: 1 STAY" in first
    assert "12:00 New York" in first
    assert ": 1 EXIT, 1 without an answer" in second
    assert second.index("09:00 New York") < second.index("12:00 New York")
    assert "CHARLIE no answer vendor/model gave no valid answer" in second
    assert f"/approvals/{asked.trade_id}" in [link["href"] for link in shown.links]
    assert page.count(" open>") == 1


def _look(
    account: str, action: Action, slot: str, *, later: timedelta = timedelta()
) -> CheckpointTaken:
    look = make_checkpoint(
        checkpoint_id=meaning_id("look", account, slot),
        account=account,
        action=action,
        slot=slot,
        taken_at=AT + later,
    )
    return CheckpointTaken(week_id=WEEK_ID, account=account, checkpoint=look)


def _trade_of(fact: CheckpointTaken) -> TradeProposed:
    look = fact.checkpoint
    trade_id = meaning_id("trade", WEEK_ID, look.account, look.checkpoint_id)
    return TradeProposed(
        week_id=WEEK_ID,
        trade_id=trade_id,
        account=look.account,
        model="vendor/model",
        source_id=look.checkpoint_id,
        ticket=make_ticket(look.account, trade_id=trade_id),
    )


async def test_a_postmortem_is_a_document_with_its_own_policy(
    settings: Settings, tmp_path: Path
) -> None:
    fact = PostmortemAbstained(
        week_id=WEEK_ID,
        account="BOARD",
        model="vendor/model",
        reason="no <b>answer</b> in time",
        numbers=week_numbers(),
    )
    async with visited(settings, tmp_path, at=AT + timedelta(weeks=1)) as (app, its, _):
        await store(app, *whole_week(), fact)
        answer = await its.get(REPORT)
        week, listed = (await its.get(ADDRESS)).text, (await its.get("/weeks")).text

    assert answer.status_code == 200
    assert "Postmortem, week of 18 November 2026" in answer.text
    assert "no &lt;b&gt;answer&lt;/b&gt; in time" in answer.text
    assert answer.headers["content-security-policy"] == (
        f"{content_policy()}; frame-ancestors 'none'"
    )
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert f'href="{REPORT}"' in week
    assert "numbers only" in listed
