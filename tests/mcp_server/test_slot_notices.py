"""What a person and a host are told of slots: passed over, late, not marked, and the close."""

import io
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from broker.errors import VenueUnreachable
from broker.models import VenueName
from config.clock import VirtualClock
from config.errors import UsageError
from council.pipeline import run_week
from council.result_facts import EquityMarked
from mcp_server import checkpointing
from mcp_server.output import plain_console
from mcp_server.rendering.status import show_checkpoints
from mcp_server.runs import checkpoint_id_for, checkpoint_of
from mcp_server.shapes import CheckpointShape
from mcp_server.standing import Standing
from mcp_server.tools.checking import checkpoint_run, checkpoints_answer
from mcp_server.tools.following import Standing as RunStanding
from mcp_server.wiring import App
from tests.builders import NOW, WEEK_ID
from tests.config import nyse
from tests.council.trading.scenes import facts_of, venue_of
from tests.fakes import make_deps
from tests.mcp_server.conftest import settings_for

WEDNESDAY, TUESDAY = date(2026, 11, 18), date(2026, 11, 24)
THANKSGIVING, HALF_DAY = date(2026, 11, 26), date(2026, 11, 27)


async def app_at(day: date, wall: str) -> App:
    """Return the council as it is then, in memory, in a week that began the day before or so."""
    clock = VirtualClock(NOW + timedelta(weeks=(day - WEDNESDAY).days // 7))
    deps = make_deps(clock=clock)
    await run_week(week_before(day), deps, until="snapshot")
    clock.advance_to(nyse.at(day, wall))
    standing = Standing(
        mode="rehearsal",
        simulated=tuple(deps.desks),
        with_keys=(),
        keyed_venue=VenueName.ALPACA_PAPER,
        always_open=False,
        degraded=("Rehearsal models.",),
    )
    nothing = cast("Any", None)
    return App(nothing, standing, deps, nothing, "", "embedded")


def week_before(day: date) -> str:
    return (WEDNESDAY + timedelta(weeks=(day - WEDNESDAY).days // 7)).isoformat()


async def marked(app: App) -> list[tuple[date, str]]:
    facts = await facts_of(app.deps, "equity-ALPHA")
    return [(fact.session_on, fact.slot) for fact in facts if isinstance(fact, EquityMarked)]


@pytest.mark.parametrize(
    ("day", "wall", "due"),
    [
        (WEDNESDAY, "08:10", ("close",)),
        (WEDNESDAY, "09:00", ("close", "09:00")),
        (WEDNESDAY, "12:00", ("09:00", "12:00")),
        (WEDNESDAY, "16:05", ("09:00", "12:00", "14:00", "15:50", "close")),
        (HALF_DAY, "13:05", ("09:00", "12:00", "close")),
        (THANKSGIVING, "10:00", ("close", "09:00")),
    ],
)
async def test_all_takes_the_close_while_no_session_is_open_in_order_of_time(
    day: date, wall: str, due: tuple[str, ...]
) -> None:
    assert checkpointing.due_slots(await app_at(day, wall), None) == due


async def test_the_close_is_refused_while_its_session_is_open() -> None:
    app = await app_at(HALF_DAY, "12:30")

    with pytest.raises(UsageError, match=r"open until 13:00 New York\. Take it then"):
        await checkpointing.checkpoint(app, "close")


async def test_the_close_says_whose_it_is_and_how_many_accounts_were_marked() -> None:
    app = await app_at(WEDNESDAY, "16:05")

    taken = await checkpointing.checkpoint(app, "close")

    assert taken.notices == ("6 accounts were marked at the close of 2026-11-18.",)
    assert await marked(app) == [(WEDNESDAY, "close")]


async def test_a_weekend_has_the_close_of_its_friday_and_says_so() -> None:
    app = await app_at(date(2026, 11, 28), "12:00")

    taken = await checkpointing.checkpoint(app, "close")

    assert taken.notices == (
        "6 accounts were marked at the close of 2026-11-27, late, at Sat 28 Nov 12:00 New York.",
    )


async def test_the_last_slot_of_a_week_is_taken_after_its_last_entry() -> None:
    app = await app_at(TUESDAY, "15:51")

    taken = await checkpointing.checkpoint(app, "15:50")

    assert (taken.week_id, await marked(app)) == (WEEK_ID, [(TUESDAY, "15:50")])


async def test_all_on_a_tuesday_evening_marks_the_week_s_last_close() -> None:
    app = await app_at(TUESDAY, "18:00")

    taken = await checkpointing.checkpoint(app, None)

    assert await marked(app) == [(TUESDAY, "close")]
    assert taken.notices[0] == "The look at 09:00 is too late, today's session closed at 16:00."


async def test_the_close_before_the_first_week_is_passed_over_beside_other_slots() -> None:
    app = await app_at(WEDNESDAY, "09:01")

    await checkpointing.checkpoint(app, None)

    assert await marked(app) == [(WEDNESDAY, "09:00")]


async def test_slots_after_the_close_of_a_half_day_are_skipped_and_said(tmp_path: Path) -> None:
    app = replace(await app_at(HALF_DAY, "15:55"), settings=settings_for("", tmp_path))

    taken = await checkpointing.checkpoint(app, "15:50")

    assert taken.notices == ("Today has no session at 15:50.",)
    assert "Today has no session at 15:50." in drawn(taken)
    assert "Today has no session at 15:50." in summary_of(app, ("15:50",), taken)
    later = await checkpointing.taken_checkpoints(
        await app_at(date(2026, 11, 30), "10:00"), ("14:00", "12:00"), taken_on=HALF_DAY
    )
    assert later.notices == ("2026-11-27 has no session at 14:00.",)


async def test_a_late_slot_says_when_it_was_taken_and_one_in_time_says_nothing() -> None:
    app = await app_at(WEDNESDAY, "12:02")
    await checkpointing.checkpoint(app, "12:00")
    cast("VirtualClock", app.deps.clock).advance_to(nyse.at(WEDNESDAY, "14:47"))

    taken = await checkpointing.checkpoint(app, None)

    assert taken.notices == (
        "09:00 was taken late, at 14:47 New York.",
        "14:00 was taken late, at 14:47 New York.",
    )


async def test_an_account_that_was_not_marked_degrades_the_answer() -> None:
    app = await app_at(WEDNESDAY, "12:02")
    venue_of(app.deps).failure = VenueUnreachable("no answer")

    taken = await checkpointing.checkpoint(app, "12:00")

    assert taken.degraded == ("ALPHA was not marked at 12:00: no answer.", "Rehearsal models.")
    assert "ALPHA was not marked at 12:00" in drawn(taken)


async def test_a_slot_that_was_taken_in_time_is_not_told_as_too_late_afterwards() -> None:
    app = await app_at(WEDNESDAY, "12:02")
    await checkpointing.checkpoint(app, "12:00")
    clock, told = app.deps.clock, list[str]()
    assert isinstance(clock, VirtualClock)
    clock.advance_to(nyse.at(WEDNESDAY, "16:30"))
    later = replace(app, deps=replace(app.deps, tell=lambda step: told.append(step.message)))

    taken = await checkpointing.checkpoint(later, None)

    assert [said for said in (*told, *taken.notices) if "12:00" in said] == []
    assert any(said.startswith("The look at 09:00 is too late") for said in taken.notices)


async def test_what_rules_let_stay_before_the_newest_slot_is_only_counted() -> None:
    taken = await checkpointing.checkpoint(await app_at(WEDNESDAY, "16:05"), None)
    stays = [look_at(slot) for slot in ("09:00", "12:00", "14:00")]
    asked = look_at("09:00", decided_by="model", reason_delta="A model looked.")

    text = drawn(taken.model_copy(update={"checkpoints": (asked, *stays)}))

    assert "2 earlier looks: the rules let the trades stay." in text
    assert "A model looked." in text
    assert ("Reason at 14:00." in text, "Reason at 12:00." in text) == (True, False)


def look_at(slot: str, **changes: Any) -> CheckpointShape:
    fields: dict[str, Any] = {
        "slot": slot,
        "account": "ALPHA",
        "action": "STAY",
        "conviction_before": 1.0,
        "conviction_after": 1.0,
        "reason_delta": f"Reason at {slot}.",
        "decided_by": "rules",
        "profit_usd": 0.0,
        "trade_id": None,
    }
    return CheckpointShape(**{**fields, **changes})


def drawn(taken: Any) -> str:
    console = plain_console()
    console.file, console.width = io.StringIO(), 120
    show_checkpoints(console, taken)
    text: str = console.file.getvalue()
    return text


def summary_of(app: App, slots: tuple[str, ...], taken: Any) -> str:
    run = checkpoint_run(checkpointing.today(app), slots, app)
    standing = RunStanding(
        run=run,
        app=app,
        stored=taken,
        has_begun=False,
        is_done=True,
        state="finished",
        request=None,
        failure=None,
    )
    return checkpoints_answer(standing).summary


def test_the_run_of_a_close_is_named_by_it() -> None:
    run_id = checkpoint_id_for(WEDNESDAY, ("close", "09:00"))

    assert run_id == "checkpoint-2026-11-18-close-0900"
    assert checkpoint_of(run_id) == (WEDNESDAY, ("close", "09:00"))
