import asyncio
from datetime import timedelta

import pytest

from config.errors import RefusedError, UsageError
from mcp_server.runs import Runs, run_id_for, week_of

WEEK = "2026-11-18"
NO_PATIENCE = timedelta(0)
A_MOMENT = timedelta(seconds=5)


async def test_a_week_has_one_task_however_often_it_is_started() -> None:
    runs, begun, gate = Runs(), [], asyncio.Event()

    async def work() -> None:
        begun.append(WEEK)
        await gate.wait()

    runs.start(WEEK, "propose", work)
    runs.start(WEEK, "propose", work)
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

    runs.start(WEEK, "propose", refused)
    await runs.wait(WEEK, A_MOMENT)
    assert runs.failure_of(WEEK) == "The week is over."
    runs.start(WEEK, "propose", works)
    await runs.wait(WEEK, A_MOMENT)

    assert runs.failure_of(WEEK) is None


async def test_waiting_for_a_run_ends_with_the_patience_and_leaves_it_running() -> None:
    runs, gate = Runs(), asyncio.Event()

    runs.start(WEEK, "propose", gate.wait)
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

    runs.start(WEEK, "propose", work)
    await runs.wait(WEEK, NO_PATIENCE)
    await asyncio.sleep(0)
    await runs.aclose()

    assert ended == [WEEK]
    assert runs.failure_of(WEEK) is None


def test_a_run_id_names_its_week_in_every_process() -> None:
    assert run_id_for(WEEK) == "run-2026-11-18"
    assert week_of("run-2026-11-18") == WEEK
    with pytest.raises(UsageError, match="no run id"):
        week_of("2026-11-18")
