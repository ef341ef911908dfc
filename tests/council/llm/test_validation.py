import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from council.llm.extraction import NotOneObject, only_object
from council.llm.validation import PROBLEMS_TOLD, read_answer
from council.model.base import Direction
from council.model.checkpoint import CheckpointAnswer, checkpoint_problems
from council.model.pitch import PitchAnswer
from tests.builders import make_pitch_answer
from tests.council.llm.stub import with_conviction


def problems_of(text: str) -> tuple[str, ...]:
    reading = read_answer(
        text, CheckpointAnswer, lambda answer: checkpoint_problems(answer, held=Direction.LONG)
    )
    assert (reading.answer is None) == bool(reading.problems)
    return reading.problems


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1.5}',
        '```json\n{"a": 1.5}\n```',
        'Here it is:\n{"a": 1.5}\nThat is all.',
        '<think>maybe {"a": 2}? no {</think>{"a": 1.5}',
        '   \n{"a": 1.50}   ',
    ],
)
def test_one_object_is_found_in_fences_and_prose(text: str) -> None:
    assert only_object(text) == {"a": Decimal("1.5")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no answer today",
        '{"a": 1} {"a": 2}',
        '{"a": 1}\n```\n{"b": 2',
        '{"main": {"a": 1}, "b": 0.',
        'so {it is} {"a": 1}',
        '[{"a": 1}]',
        '[{"a": 1}, {"a": 2}]',
        '{"a": 1, "a": 2}',
        '{"a": 1, "a\\u202e": 2}',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": 1e-999999999}',
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": ' + "[" * 100_000,
        '{"a": 1',
        '{"a": 0x10}',
        "{'a': 1}",
    ],
)
def test_anything_but_one_whole_object_is_refused(text: str) -> None:
    with pytest.raises(NotOneObject):
        only_object(text)


@pytest.mark.parametrize("literal", ["1.5", "0.5", "1", "2.0", "1.50"])
def test_a_conviction_on_the_grid_is_taken(literal: str) -> None:
    assert problems_of(with_conviction(literal)) == ()


@pytest.mark.parametrize(
    "literal",
    ["0.5000000001", '"1.5"', "true", "null", "2.5", "0.75", "-1", "0", "[1]", "NaN", "1e999"],
)
def test_a_conviction_off_the_grid_or_of_another_type_is_refused(literal: str) -> None:
    assert len(problems_of(with_conviction(literal))) == 1


def test_a_problem_names_its_field_and_what_was_given() -> None:
    assert problems_of(with_conviction('"1.5"')) == (
        "conviction_after: must be a number in JSON, not '1.5'",
    )


def test_missing_unknown_and_overlong_fields_are_all_told() -> None:
    text = json.dumps({"action": "HOLD", "reason_delta": "x" * 281, "mood": "good"})

    problems = problems_of(text)

    assert [problem.split(":")[0] for problem in problems] == [
        "action",
        "conviction_after",
        "reason_delta",
        "mood",
    ]


def test_problems_in_lists_are_named_by_place_and_bounded_in_number() -> None:
    pitch = json.loads(make_pitch_answer().model_dump_json())
    pitch["conviction"] = 1
    pitch["ranking"] = [{"instrument": "SPY", "rank": "1", "bucket": "neutral"}] * 40

    reading = read_answer(json.dumps(pitch), PitchAnswer, lambda answer: ())

    assert reading.problems[0].startswith("ranking.0.rank: must be an integer")
    assert len(reading.problems) == PROBLEMS_TOLD


@pytest.mark.parametrize("rank", ["true", '"1"', "1.5", "null"])
def test_a_rank_is_a_whole_number_and_nothing_like_one(rank: str) -> None:
    text = make_pitch_answer(conviction=1).model_dump_json().replace('"rank":1,', f'"rank":{rank},')
    text = text.replace('"conviction":"1"', '"conviction":1')

    reading = read_answer(text, PitchAnswer, lambda answer: ())

    assert [problem.split(":")[0] for problem in reading.problems] == ["ranking.0.rank"]


def test_hidden_characters_are_gone_from_an_answer() -> None:
    text = '{"action":"STAY","conviction_after":1,"reason_delta":"a\\u0000b\\u202ec\\ud800d"}'

    reading = read_answer(text, CheckpointAnswer, lambda answer: ())

    assert reading.answer is not None
    assert reading.answer.reason_delta == "abcd"


literals = st.sampled_from(
    (None, True, "STAY", "1.5", "", [], {}, [1], {"a": [None]}, 2, -3, 10**400, 1e308, "\x00")
)
numbers = st.floats(-3, 3) | st.integers(-3, 3) | st.just(float("nan")) | st.just(float("inf"))
fields_of_any_kind = st.fixed_dictionaries(
    {}, optional=dict.fromkeys((*CheckpointAnswer.model_fields, "mood"), literals | numbers)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fields_of_any_kind)
def test_no_json_makes_reading_fail_and_what_is_taken_is_on_the_grid(
    fields: dict[str, object],
) -> None:
    reading = read_answer(json.dumps(fields), CheckpointAnswer, lambda answer: ())

    if reading.answer is not None:
        assert (reading.answer.conviction_after * 2) % 1 == 0
        assert abs(reading.answer.conviction_after) <= 2


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet='{}[]",:0123456789.eE-truefalsn \\u', max_size=60))
def test_text_that_is_no_answer_is_a_problem_and_no_error(text: str) -> None:
    assert problems_of(text)
