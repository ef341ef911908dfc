import asyncio
from datetime import date, timedelta

import pytest

from config.errors import RefusedError, UsageError
from config.logs import configure_logs
from council.errors import WeekBusy
from mcp_server.runs import Runs, checkpoint_id_for, checkpoint_of, run_id_for, run_of

WEEK = "2026-11-18"
RUN = f"run-{WEEK}"
NO_PATIENCE = timedelta(0)
A_MOMENT = timedelta(seconds=5)


async def test_a_week_has_one_task_however_often_it_is_started() -> None:
    runs, begun, gate = Runs(), [], asyncio.Event()

    async def work() -> None:
        begun.append(WEEK)
        await gate.wait()

    runs.start(WEEK, work, run_id=RUN)
    runs.start(WEEK, work, run_id=RUN)
    await runs.wait(WEEK, NO_PATIENCE)
    assert runs.is_running(WEEK)
    gate.set()
    await runs.wait(WEEK, A_MOMENT)

    assert begun == [WEEK]
    assert not runs.is_running(WEEK)


async def test_a_failed_run_tells_its_sentence_until_it_is_started_anew() -> None:
    runs = Runs()

    async def refused() -> None:
        raise RefusedError("The week is over.")

    async def works() -> None:
        return None

    runs.start(WEEK, refused, run_id=RUN)
    await runs.wait(WEEK, A_MOMENT)
    assert runs.failure_of(WEEK, RUN) == "The week is over."
    runs.start(WEEK, works, run_id=RUN)
    await runs.wait(WEEK, A_MOMENT)

    assert runs.failure_of(WEEK, RUN) is None


async def test_a_step_that_failed_is_no_failure_of_the_whole_weeks_run() -> None:
    runs, step = Runs(), f"{RUN}-pitch"

    async def refused() -> None:
        raise RefusedError("Research has not run.")

    runs.start(WEEK, refused, run_id=step)
    await runs.wait(WEEK, A_MOMENT)

    assert runs.failure_of(WEEK, step) == "Research has not run."
    assert runs.failure_of(WEEK, RUN) is None


async def test_of_many_runs_that_ended_those_started_longest_ago_are_forgotten() -> None:
    runs, gate = Runs(), asyncio.Event()
    names = [f"ask-{number}" for number in range(150)]

    async def refused() -> None:
        raise RefusedError("There is no such question.")

    runs.start(WEEK, gate.wait, run_id=RUN)
    for name in (*names[:90], names[0], *names[90:]):
        runs.start(name, refused, run_id=name)
        await runs.wait(name, A_MOMENT)

    remembered = [name for name in names if runs.failure_of(name, name)]
    assert remembered == [names[0], *names[-100:]]
    assert runs.is_running(WEEK)
    await runs.aclose()


async def test_waiting_for_a_run_ends_with_the_patience_and_leaves_it_running() -> None:
    runs, gate = Runs(), asyncio.Event()

    runs.start(WEEK, gate.wait, run_id=RUN)
    await runs.wait(WEEK, timedelta(milliseconds=1))

    assert runs.is_running(WEEK)
    await runs.aclose()


async def test_closing_cancels_what_runs_so_that_the_week_resumes_later() -> None:
    runs, ended = Runs(), []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(WEEK)

    runs.start(WEEK, work, run_id=RUN)
    await runs.wait(WEEK, NO_PATIENCE)
    await asyncio.sleep(0)
    await runs.aclose()

    assert ended == [WEEK]
    assert runs.failure_of(WEEK, RUN) is None


async def test_a_week_that_another_process_runs_is_no_failure() -> None:
    runs = Runs()

    async def busy() -> None:
        raise WeekBusy("Another process is running week 2026-11-18: wait for its result.")

    runs.start(WEEK, busy, run_id=RUN)
    await runs.wait(WEEK, A_MOMENT)

    assert runs.is_elsewhere(WEEK)
    assert runs.failure_of(WEEK, RUN) is None


async def test_what_nobody_expected_of_a_run_is_logged_with_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("WARNING", (), False)
    runs = Runs()

    async def breaks() -> None:
        raise ZeroDivisionError("division by zero")

    runs.start(WEEK, breaks, run_id=RUN)
    await runs.wait(WEEK, A_MOMENT)

    assert "ZeroDivisionError" in (runs.failure_of(WEEK, RUN) or "")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stage", "run_id"),
    [("propose", "run-2026-11-18"), ("peer_review", "run-2026-11-18-peer_review")],
)
def test_a_run_id_names_its_week_and_stage_in_every_process(stage: str, run_id: str) -> None:
    assert run_id_for(WEEK, stage) == run_id
    assert run_of(run_id) == (WEEK, stage)


@pytest.mark.parametrize("text", ["2026-11-18", "run-2026-11-18-lunch", "run-tomorrow"])
def test_what_is_no_run_id_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no run id"):
        run_of(text)


@pytest.mark.parametrize("slots", [(), ("12:00",), ("09:00", "15:50")])
def test_a_run_of_checkpoints_names_its_day_and_slots(slots: tuple[str, ...]) -> None:
    run_id = checkpoint_id_for(date(2026, 11, 18), slots)

    assert checkpoint_of(run_id) == (date(2026, 11, 18), slots)


@pytest.mark.parametrize("text", ["checkpoint-2026-13-01", "checkpoint-2026-11-18-9", "checkpoint"])
def test_what_is_no_run_of_checkpoints_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no run id"):
        checkpoint_of(text)
