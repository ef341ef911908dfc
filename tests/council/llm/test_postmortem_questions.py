"""What the chairman is shown of a week, and which of its answer stands."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from config.ids import meaning_id
from council.llm.postmortem_blocks import numbers_value
from council.llm.postmortem_questions import (
    material_of,
    postmortem_problems,
    postmortem_question,
    supported,
)
from council.llm.rehearsal.reading import read_blocks
from council.model.postmortem import ClaimAnswer, ConfirmationAnswer, PostmortemAnswer
from council.week_lines import ShownLines
from council.week_results import read_results, week_numbers
from tests.builders import CHAIRMAN, MANAGERS, WEEK_ID
from tests.council.injections import INJECTIONS
from tests.council.postmortem_builders import (
    CONFIG,
    NUMBERS,
    aliases,
    make_lesson_in_force,
    make_line,
    make_material,
    saying,
)
from tests.council.week_results_scenes import Record, week_of

MATERIAL = make_material()


def answer(**fields: Any) -> PostmortemAnswer:
    return PostmortemAnswer(**{"claims": (), "lessons": (), "confirmed": (), **fields})


def confirming(lesson: str, *evidence: str) -> ConfirmationAnswer:
    return ConfirmationAnswer(lesson=lesson, evidence=evidence)


def test_a_claim_stands_on_the_events_behind_its_known_handles() -> None:
    kept = supported(answer(claims=(saying("It filled.", "E2", "E99", "L1", "E2"),)), MATERIAL)

    assert [claim.evidence for claim in kept.claims] == [(meaning_id("line", 2),)]
    assert kept.dropped == 0


def test_a_claim_without_a_known_handle_is_dropped_and_counted() -> None:
    kept = supported(answer(claims=(saying("It filled.", "E99"), saying("Yes.", "E1"))), MATERIAL)

    assert [claim.text for claim in kept.claims] == ["Yes."]
    assert kept.dropped == 1


def test_a_number_must_stand_in_the_numbers_or_in_the_events_that_are_named() -> None:
    given_ = (
        saying("P1 gained 1,230 dollars.", "E1"),
        saying("It took 200 shares.", "E2"),
        saying("All took 200 shares.", "E1"),
        saying("P1 gained 99 %.", "E1"),
    )

    kept = supported(answer(claims=given_, lessons=given_[3:]), MATERIAL)

    assert [claim.evidence[0] for claim in kept.claims] == [
        meaning_id("line", 1),
        meaning_id("line", 2),
    ]
    assert (kept.lessons, kept.dropped) == ((), 3)


def test_only_lessons_in_force_are_confirmed_and_each_once() -> None:
    confirmed = (confirming("L1", "E1"), confirming("L1", "E2"), confirming("L9", "E1"))

    kept = supported(answer(confirmed=(*confirmed, confirming("L1"))), MATERIAL)

    assert [one.lesson_id for one in kept.confirmed] == [MATERIAL.lesson_ids["L1"]]
    assert kept.dropped == 3


def test_what_is_said_twice_stands_once() -> None:
    kept = supported(answer(lessons=(saying("Wait."), saying("wait!"))), MATERIAL)

    assert [lesson.text for lesson in kept.lessons] == ["Wait."]
    assert kept.lessons[0].lesson_id == meaning_id("lesson", WEEK_ID, "Wait.")
    assert kept.dropped == 1


def test_people_read_nicknames() -> None:
    label = aliases().of("ALPHA")

    kept = supported(answer(claims=(saying(f"{label} did best."),)), MATERIAL)

    assert [claim.text for claim in kept.claims] == ["ALPHA did best."]


def test_links_and_hidden_characters_are_taken_out_of_what_is_stored() -> None:
    text = "It\u200b filled,\n see https://evil.example/x"

    kept = supported(answer(claims=(saying(text), saying("\u200b"))), MATERIAL)

    assert [claim.text for claim in kept.claims] == ["It filled, see [link]"]
    assert kept.dropped == 1


def test_an_answer_of_which_no_claim_stands_goes_back_with_the_reasons() -> None:
    bad = answer(claims=(saying("It filled.", "E99"), saying("It lost 77 %.", "E1")))

    problems = postmortem_problems(bad, material=MATERIAL)

    assert [problem.split(":")[0] for problem in problems] == ["claims.0", "claims.1"]
    assert "handle" in problems[0]
    assert "number" in problems[1]
    assert postmortem_problems(answer(), material=MATERIAL) != ()
    assert postmortem_problems(answer(claims=(saying("It filled."),)), material=MATERIAL) == ()


def test_where_nothing_happened_an_empty_answer_is_valid() -> None:
    assert postmortem_problems(answer(), material=make_material(lines=0)) == ()


def test_nothing_that_was_written_ends_its_block() -> None:
    hostile = [text for texts in INJECTIONS.values() for text in texts]
    closing = "</events></lessons></numbers>"
    lines = tuple(
        make_line(number, quote=f"{text[:150]} {closing}") for number, text in enumerate(hostile)
    )
    lessons = [make_lesson_in_force(f"{text[:150]} {closing}") for text in hostile]

    material = material_of(WEEK_ID, NUMBERS, ShownLines(lines, {}), lessons, aliases=aliases())
    text = postmortem_question(material, CONFIG).own

    assert [text.count(f"</{tag}>") for tag in ("events", "lessons", "numbers", "task")] == [1] * 4
    assert len(read_blocks(text)["events"]) == len(hostile)


def test_the_question_names_no_account_and_no_model() -> None:
    line = make_line(1, quote="ALPHA is Claude 4.5 by vendor-0/model-0.")
    material = material_of(WEEK_ID, NUMBERS, ShownLines((line,), {}), [], aliases=aliases())

    question = postmortem_question(material, CONFIG)

    text = question.system + question.shared + question.own
    assert [name for name in (*MANAGERS, CHAIRMAN, "Claude", "vendor-") if name in text] == []
    assert (question.asked_by, question.may_fall_back) == (CHAIRMAN, True)


def test_the_prompt_reads_as_it_was_written(snapshot: SnapshotAssertion) -> None:
    lines = (make_line(1), make_line(2, kind="kill_shot", quote="It is in the price."))
    lessons = [make_lesson_in_force(support=2, age_weeks=3)]
    shown = ShownLines(lines, {"stay_by_rule": 84})

    question = postmortem_question(
        material_of(WEEK_ID, NUMBERS, shown, lessons, aliases=aliases()), CONFIG
    )

    assert question.own == snapshot


HANDLES = st.lists(
    st.one_of(st.sampled_from(["E1", "E2", "E3", "L1"]), st.from_regex(r"\A[EL][1-9][0-9]{0,3}\Z")),
    max_size=3,
).map(tuple)
TEXTS = st.one_of(
    st.text(min_size=1, max_size=30),
    st.sampled_from([text[:280] for texts in INJECTIONS.values() for text in texts]),
)
CLAIMS = st.builds(ClaimAnswer, text=TEXTS, evidence=HANDLES)
ANSWERS = st.builds(
    PostmortemAnswer,
    claims=st.lists(CLAIMS, max_size=4).map(tuple),
    lessons=st.lists(CLAIMS, max_size=2).map(tuple),
    confirmed=st.lists(
        st.builds(
            ConfirmationAnswer,
            lesson=st.sampled_from(["L1", "L2", "E1", "L77"]),
            evidence=HANDLES,
        ),
        max_size=4,
    ).map(tuple),
)


@given(ANSWERS)
def test_whatever_a_model_returns_only_shown_events_and_lessons_are_stored(
    given_: PostmortemAnswer,
) -> None:
    kept = supported(given_, MATERIAL)

    rests_on = [one.evidence for one in (*kept.claims, *kept.lessons)]
    rests_on += [one.evidence for one in kept.confirmed]
    shown = set(MATERIAL.event_ids.values())
    assert all(evidence and shown.issuperset(evidence) for evidence in rests_on)
    assert {one.lesson_id for one in kept.confirmed} <= set(MATERIAL.lesson_ids.values())
    total = len(given_.claims) + len(given_.lessons) + len(given_.confirmed)
    assert len(rests_on) + kept.dropped == total


async def test_the_exposure_of_an_earlier_week_is_not_shown_as_that_of_an_unmarked_one() -> None:
    record = Record()
    for number in (0, 1):
        record.begin(number)
    record.live(0, [{"SPY": 100.0}] * 6)
    results = await read_results(await record.deps(), last_week=week_of(1))

    shown = [
        numbers_value(results, week_numbers(results, week_id), week_id=week_id, aliases=aliases())
        for week_id in map(week_of, (0, 1))
    ]

    assert [value["exposure"] is None for value in shown] == [False, True]
