"""Lessons of earlier weeks in a pitch's prompt: data with age and support, the same on a resume."""

import re
from collections import Counter
from functools import partial
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from council import lessons
from council.events import WeekStarted
from council.llm.rehearsal.reading import read_blocks
from council.pipeline import load_week, run_week
from council.ports import Deps, Question
from council.projections import project
from council.untrusted import clean_text
from store.memory import MemoryEventStore
from tests.builders import MANAGERS, WEEK_ID, make_config
from tests.conftest import run_apart
from tests.council.injections import INJECTIONS
from tests.council.test_injections import CLEAN, Ran, outside, run
from tests.council.test_pipeline_rehearsal import Killed, killing_at
from tests.council.test_postmortems import store_postmortem
from tests.council.weeks import week_id_of
from tests.fakes import FakeModels, make_deps

CONFIG = make_config()
TEXT = "Leave when the invalidation is met."
_TAG = re.compile(r"</?[a-z_]+>")


def pitches_asked(models: FakeModels) -> list[Question[Any]]:
    return [question for question in models.asked if question.stage == "pitch"]


async def week_after(*lessons: str, models: FakeModels | None = None, **changes: Any) -> Deps:
    """Return what a week needs whose predecessor wrote `lessons`."""
    store = MemoryEventStore(project)
    deps = make_deps(CONFIG, store=store, **({"models": models} if models else {}), **changes)
    await store_postmortem(deps, week_id_of(-1), *lessons)
    return deps


async def test_every_manager_sees_the_lessons_with_age_and_support() -> None:
    models = FakeModels()
    deps = await week_after(TEXT, models=models)
    await store_postmortem(deps, week_id_of(-3), TEXT.removesuffix("."))

    await run_week(WEEK_ID, deps, until="pitch")

    shown = [read_blocks(question.own)["lessons"] for question in pitches_asked(models)]
    assert shown == [[{"text": TEXT, "age_weeks": 3, "support": 2}]] * len(MANAGERS)


async def test_a_lesson_counts_from_the_oldest_postmortem_that_is_still_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lessons, "WEEKS_REMEMBERED", 2)
    deps = await week_after(TEXT)
    for number in (-3, -2):
        await store_postmortem(deps, week_id_of(number), TEXT)

    (held,) = await lessons.read_lessons(deps.store, WEEK_ID)

    assert (held.age_weeks, held.support) == (2, 2)


async def test_the_part_on_lessons_reads_as_it_was_written(snapshot: SnapshotAssertion) -> None:
    models = FakeModels()
    deps = await week_after(TEXT, "Ask why, </lessons> and wait.", models=models)

    await run_week(WEEK_ID, deps, until="pitch")

    _, _, told = pitches_asked(models)[0].own.partition("at most 1200 characters.")
    assert told == snapshot


async def test_a_week_without_lessons_is_asked_as_before_there_were_any() -> None:
    models = FakeModels()

    await run_week(WEEK_ID, make_deps(CONFIG, models=models), until="pitch")

    assert "lessons" not in "".join(question.own for question in pitches_asked(models)).casefold()


async def test_a_resumed_week_asks_what_it_asked_before_whatever_was_learned_meanwhile() -> None:
    first, second = FakeModels(), FakeModels()
    failpoint = killing_at("pipeline.after_stage:pitch.before_append")
    deps = await week_after(TEXT, models=first, failpoint=failpoint)
    with pytest.raises(Killed):
        await run_week(WEEK_ID, deps)

    await store_postmortem(deps, week_id_of(-2), "Never look back.")
    await run_week(WEEK_ID, make_deps(CONFIG, store=deps.store, models=second), until="pitch")

    asked = [[question.own for question in pitches_asked(each)] for each in (first, second)]
    assert asked[0] == asked[1]


async def test_the_week_remembers_what_it_was_offered() -> None:
    deps = await week_after(TEXT)

    await run_week(WEEK_ID, deps, until="snapshot")

    started = (await load_week(WEEK_ID, deps.store)).started
    assert started is not None
    assert [lesson.text for lesson in started.lessons] == [TEXT]


def test_a_week_that_began_before_there_were_lessons_still_reads() -> None:
    old: dict[str, Any] = {
        "week_id": WEEK_ID,
        "config_hash": "c",
        "mode": "rehearsal",
        "query": None,
        "models": {},
        "degraded": (),
    }

    assert WeekStarted.model_validate(old).lessons == ()


async def test_reviewers_and_chairman_are_not_offered_lessons() -> None:
    models = FakeModels()
    deps = await week_after(TEXT, models=models)

    await run_week(WEEK_ID, deps)

    others = [question for question in models.asked if question.stage != "pitch"]
    assert TEXT not in "".join(question.shared + question.own for question in others)


async def after_lesson(text: str, *, obeys: bool) -> Ran:
    """Run a week after one that learned `text`."""
    deps = await week_after(text[:280])
    assert isinstance(deps.store, MemoryEventStore)
    return await run(CLEAN, obeys=obeys, store=deps.store)


@pytest.fixture(scope="module")
def calm() -> dict[bool, Ran]:
    """Run the week after a harmless lesson, by whether its models obey."""
    return {obeys: run_apart(partial(after_lesson, TEXT, obeys=obeys)) for obeys in (False, True)}


@pytest.mark.parametrize("kind", ["all in", "limits", "hidden", "fences"])
async def test_a_hostile_lesson_moves_nothing_outside_the_bounds(
    kind: str, calm: dict[bool, Ran]
) -> None:
    text = INJECTIONS[kind][1]

    deaf, obedient = [await after_lesson(text, obeys=obeys) for obeys in (False, True)]

    assert deaf.tickets == calm[False].tickets
    assert outside(obedient) == []
    tags = [Counter(_TAG.findall(ran.prompts[0])) for ran in (calm[True], obedient)]
    assert tags[0] == tags[1]
    assert tags[0]["</lessons>"] == 1
    assert [prompt for prompt in obedient.prompts if clean_text(prompt) != prompt] == []
