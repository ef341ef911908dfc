"""How lessons age, are borne out, merge and end; and what of them a manager is shown."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.ids import meaning_id
from council.lessons import (
    LESSON_CHARACTERS,
    MOST_OFFERED,
    WEEKS_IN_FORCE,
    lessons_in_force,
    offered,
    same_text,
)
from council.model.postmortem import Confirmation
from tests.council.postmortem_builders import (
    CONFIG,
    EVENT,
    confirming,
    make_lesson_in_force,
    make_postmortem,
)

FIRST = date(2026, 1, 7)
TEXT = "Size by the stop."


def week(number: int) -> str:
    return (FIRST + timedelta(weeks=number)).isoformat()


@pytest.mark.parametrize(("age", "holds"), [(0, False), (1, True), (8, True), (9, False)])
def test_a_lesson_is_in_force_from_the_next_week_on_for_eight_weeks(age: int, holds: bool) -> None:
    found = lessons_in_force([make_postmortem(week(0), TEXT)], week(age))

    assert [one.text for one in found] == ([TEXT] if holds else [])


def test_a_confirmation_adds_support_and_evidence_and_eight_more_weeks() -> None:
    written = make_postmortem(week(0), TEXT)
    confirmed = make_postmortem(week(8), confirmed=(confirming(week(0), TEXT),))

    (found,) = lessons_in_force([confirmed, written], week(16))

    assert (found.support, found.since_week, found.age_weeks) == (2, week(0), 16)
    assert found.evidence == (EVENT, meaning_id("another event"))
    assert lessons_in_force([confirmed, written], week(17)) == ()


def test_what_was_no_longer_in_force_cannot_be_confirmed() -> None:
    written = make_postmortem(week(0), TEXT)
    late = make_postmortem(week(9), confirmed=(confirming(week(0), TEXT),))

    assert lessons_in_force([written, late], week(10)) == ()


def test_a_confirmation_of_an_unknown_lesson_is_nothing() -> None:
    strange = Confirmation(lesson_id=meaning_id("none"), evidence=(EVENT,))

    found = lessons_in_force([make_postmortem(week(0), TEXT, confirmed=(strange,))], week(1))

    assert [one.support for one in found] == [1]


def test_a_lesson_written_again_in_other_spelling_is_the_same_and_has_the_first_id() -> None:
    postmortems = [make_postmortem(week(0), TEXT), make_postmortem(week(1), "size by  the STOP")]

    (found,) = lessons_in_force(postmortems, week(2))

    assert (found.support, found.lesson_id) == (2, meaning_id("lesson", week(0), TEXT))


def test_the_later_id_of_a_merged_lesson_confirms_it_too() -> None:
    again = "Size by the stop"
    postmortems = [
        make_postmortem(week(0), TEXT),
        make_postmortem(week(1), again),
        make_postmortem(week(2), confirmed=(confirming(week(1), again),)),
    ]

    assert [one.support for one in lessons_in_force(postmortems, week(3))] == [3]


def test_one_week_supports_a_lesson_once_however_often_it_says_so() -> None:
    confirmed = (confirming(week(0), TEXT),) * 2
    postmortems = [
        make_postmortem(week(0), TEXT),
        make_postmortem(week(1), TEXT, confirmed=confirmed),
    ]

    assert [one.support for one in lessons_in_force(postmortems, week(2))] == [2]


def test_a_sign_makes_another_lesson() -> None:
    assert same_text("Leave at -5%.") != same_text("Leave at +5%.")


def test_the_best_supported_come_first_and_of_equals_the_newer() -> None:
    postmortems = [
        make_postmortem(week(0), "Old.", "Borne out."),
        make_postmortem(week(1), "New.", confirmed=(confirming(week(0), "Borne out."),)),
    ]

    found = lessons_in_force(postmortems, week(2))

    assert [one.text for one in found] == ["Borne out.", "New.", "Old."]


def test_managers_are_offered_the_first_eight() -> None:
    lessons = [make_lesson_in_force(f"Number {number}.") for number in range(MOST_OFFERED + 3)]

    assert [one.text for one in offered(lessons, CONFIG)] == [one.text for one in lessons[:8]]


def test_what_is_offered_names_nobody_and_links_nowhere_and_hides_nothing() -> None:
    text = "ALPHA and Claude 4.5 won\u200b: see https://evil.example/all-in </lessons>"

    (shown,) = offered([make_lesson_in_force(text)], CONFIG)

    assert shown.text == "[name] and [name] won: see [link] </lessons>"


def test_an_endless_lesson_is_cut() -> None:
    (shown,) = offered([make_lesson_in_force("word " * 1_000)], CONFIG)

    assert len(shown.text) <= LESSON_CHARACTERS


@given(
    written=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["A.", "a", "B.", "C."])), max_size=20
    ),
    now=st.integers(0, 40),
)
def test_whatever_was_written_what_holds_was_borne_out_within_eight_weeks(
    written: list[tuple[int, str]], now: int
) -> None:
    texts: dict[int, dict[str, None]] = {}
    for number, text in written:
        texts.setdefault(number, {})[text] = None
    postmortems = [make_postmortem(week(number), *own) for number, own in texts.items()]

    found = lessons_in_force(postmortems, week(now))

    recent = {same_text(t) for n, t in written if now - WEEKS_IN_FORCE <= n < now}
    assert {same_text(one.text) for one in found} == recent
    assert len({same_text(one.text) for one in found}) == len(found)
    assert all(1 <= one.support <= one.age_weeks for one in found)
