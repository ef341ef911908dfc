import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from council.errors import WeekBusy
from council.pipeline import STAGES, load_week, run_week
from council.ports import Deps, Question
from council.projections import project
from store.event_store import PostgresEventStore
from store.events import StoredEvent
from store.locks import PostgresLocks
from store.memory import MemoryEventStore
from store.pool import open_pool
from tests.builders import MANAGERS, WEEK_ID
from tests.fakes import FakeModels, Reply, abstained, make_deps, usual_answer

MOMENTS = [
    f"pipeline.after_stage:{stage}.{moment}"
    for stage in STAGES
    for moment in ("before_append", "after_append")
]


class Killed(BaseException):
    """Stands for a process that is gone."""


class AllComers:
    """Locks that keep nobody out, as if the database had forgotten them."""

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[bool]:
        yield True


def killing_at(moment: str) -> Callable[[str], None]:
    def failpoint(name: str) -> None:
        if name == moment:
            raise Killed

    return failpoint


async def log_of(deps: Deps) -> list[StoredEvent]:
    return [event async for event in deps.store.read_all()]


def kinds(events: list[StoredEvent]) -> list[tuple[str, str | None]]:
    return [(event.event_type, event.account_id) for event in events]


async def undisturbed() -> list[tuple[str, str | None]]:
    deps = make_deps()
    await run_week(WEEK_ID, deps)
    return kinds(await log_of(deps))


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_week_killed_at_any_boundary_goes_on_to_the_same_facts(moment: str) -> None:
    store = MemoryEventStore(project)
    with pytest.raises(Killed):
        await run_week(WEEK_ID, make_deps(store=store, failpoint=killing_at(moment)))

    deps = make_deps(store=store)
    context = await run_week(WEEK_ID, deps)

    assert context.completed == set(STAGES)
    assert kinds(await log_of(deps)) == await undisturbed()


@pytest.mark.parametrize("stage", STAGES)
async def test_a_stage_that_was_stored_is_not_run_again(stage: str) -> None:
    store = MemoryEventStore(project)
    moment = f"pipeline.after_stage:{stage}.after_append"
    models = FakeModels()
    with pytest.raises(Killed):
        await run_week(WEEK_ID, make_deps(store=store, failpoint=killing_at(moment)))

    await run_week(WEEK_ID, make_deps(store=store, models=models))

    stored = STAGES[: STAGES.index(stage) + 1]
    assert {question.stage for question in models.asked}.isdisjoint(stored)


@pytest.mark.parametrize("stage", ["pitch", "peer_review", "chairman"])
async def test_a_failure_in_the_middle_of_a_stage_leaves_nothing_of_it(stage: str) -> None:
    def answer(question: Question[Any]) -> Reply:
        last = question.asked_by in {MANAGERS[-1], "BOARD"}
        return Killed() if question.stage == stage and last else usual_answer(question)

    store = MemoryEventStore(project)
    with pytest.raises(Killed):
        await run_week(WEEK_ID, make_deps(store=store, models=FakeModels(answer)))
    left = await load_week(WEEK_ID, store)

    deps = make_deps(store=store)
    await run_week(WEEK_ID, deps)

    assert left.completed == set(STAGES[: STAGES.index(stage)])
    assert kinds(await log_of(deps)) == await undisturbed()


async def test_a_run_that_is_interrupted_while_models_think_resumes() -> None:
    asking = asyncio.Event()

    class Thinking(FakeModels):
        async def ask(self, question: Question[Any]) -> Any:
            if question.stage != "peer_review":
                return await super().ask(question)
            asking.set()
            return await asyncio.Event().wait()

    store = MemoryEventStore(project)
    first = make_deps(store=store, models=Thinking())
    running = asyncio.create_task(run_week(WEEK_ID, first))
    await asking.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    async with first.locks.exclusive(f"week-{WEEK_ID}") as free:
        assert free
    deps = make_deps(store=store)
    await run_week(WEEK_ID, deps)
    assert kinds(await log_of(deps)) == await undisturbed()


class Meeting(FakeModels):
    """Models that answer only once both runs have asked, so that the runs stay side by side."""

    def __init__(self, barrier: asyncio.Barrier, answer: Callable[[Question[Any]], Reply]) -> None:
        super().__init__(answer)
        self._barrier = barrier

    async def ask(self, question: Question[Any]) -> Any:
        if question.asked_by == MANAGERS[0] and question.stage == "pitch":
            await self._barrier.wait()
        return await super().ask(question)


def hearing_nothing_from(account: str) -> Callable[[Question[Any]], Reply]:
    def answer(question: Question[Any]) -> Reply:
        return abstained() if question.asked_by == account else usual_answer(question)

    return answer


@pytest.mark.parametrize("silent", ["", "CHARLIE"], ids=["the same answers", "other answers"])
async def test_two_runs_at_once_that_no_lock_keeps_apart_store_every_stage_once(
    silent: str,
) -> None:
    store, barrier = MemoryEventStore(project), asyncio.Barrier(2)
    both = [
        make_deps(store=store, locks=AllComers(), models=Meeting(barrier, answer))
        for answer in (usual_answer, hearing_nothing_from(silent))
    ]

    first, second = await asyncio.gather(*(run_week(WEEK_ID, deps) for deps in both))

    assert first == second == await load_week(WEEK_ID, store)
    events = kinds(await log_of(both[0]))
    assert events.count(("StageCompleted", None)) == len(STAGES)
    assert sorted(pitching(events)) == sorted(MANAGERS)
    assert len(first.proposals) + len(first.without_ticket) == len(MANAGERS) + 1


async def test_on_a_real_database_one_of_two_runs_waits_its_turn(database_dsn: str) -> None:
    pool = await open_pool(database_dsn, min_size=1, max_size=4, command_timeout_seconds=10)
    store, locks = PostgresEventStore(pool, project), PostgresLocks(database_dsn)
    deps = make_deps(store=store, locks=locks)

    results = await asyncio.gather(
        *(run_week(WEEK_ID, deps) for _ in range(2)), return_exceptions=True
    )

    busy = [result for result in results if isinstance(result, WeekBusy)]
    others = [result for result in results if not isinstance(result, WeekBusy)]
    assert len(busy) <= 1
    assert others[0] == await load_week(WEEK_ID, store)
    assert kinds(await log_of(deps)) == await undisturbed()
    await locks.aclose()
    await pool.close()


async def test_on_a_real_database_a_race_without_locks_doubles_nothing(database_dsn: str) -> None:
    pool = await open_pool(database_dsn, min_size=1, max_size=4, command_timeout_seconds=10)
    store, barrier = PostgresEventStore(pool, project), asyncio.Barrier(2)
    both = [
        make_deps(store=store, locks=AllComers(), models=Meeting(barrier, answer))
        for answer in (usual_answer, hearing_nothing_from("DELTA"))
    ]

    first, second = await asyncio.gather(*(run_week(WEEK_ID, deps) for deps in both))

    assert first == second
    assert sorted(pitching(kinds(await log_of(both[0])))) == sorted(MANAGERS)
    trades = await store.rows("trades", where={"week_id": WEEK_ID})
    assert len(trades) == len(first.proposals)
    await pool.close()


def pitching(events: list[tuple[str, str | None]]) -> list[str]:
    """Return whose pitch or abstention is stored, once for each time that it is."""
    return [account or "" for kind, account in events if kind in {"PitchMade", "PitchAbstained"}]
