"""Providers cache what prompts begin with: what is alike stands first, to the last byte."""

from typing import Any

from council.anonymise import ballot_for
from council.context import WeekContext
from council.llm.questions import pitch_question, review_question
from council.llm.turns import Mode, Turn, request_for
from council.ports import Question
from tests.builders import (
    MANAGERS,
    WEEK_ID,
    make_config,
    make_pack,
    make_pitch,
    make_snapshot,
)

CONFIG = make_config()
CONTEXT = WeekContext(
    WEEK_ID,
    snapshot=make_snapshot(),
    packs=(make_pack("A"), make_pack("B")),
    pitches=tuple(make_pitch(account) for account in MANAGERS),
)


def messages(question: Question[Any]) -> tuple[dict[str, str], ...]:
    settings = CONFIG.models.accounts[question.asked_by]
    turn = Turn(Mode.STRICT, settings.max_output_tokens)
    return request_for(question, turn, model=settings.model, settings=settings).messages


def test_what_managers_are_asked_for_a_pitch_is_the_same_from_first_to_last() -> None:
    asked = [messages(pitch_question(account, CONTEXT, CONFIG)) for account in MANAGERS]

    assert all(each == asked[0] for each in asked)


def test_a_review_begins_as_the_pitch_did_rules_first_and_then_the_packs() -> None:
    pitch = messages(pitch_question("ALPHA", CONTEXT, CONFIG))
    ballot = ballot_for("BRAVO", CONTEXT, CONFIG)

    review = messages(review_question(ballot, CONTEXT, CONFIG))

    assert [message["role"] for message in review] == ["system", "user", "user"]
    assert review[:2] == pitch[:2]
    assert review[2] != pitch[2]


def test_the_rules_are_the_same_every_week_and_name_no_week_and_no_account() -> None:
    next_week = WeekContext("2026-11-25", snapshot=make_snapshot(week_id="2026-11-25"))

    now = messages(pitch_question("ALPHA", CONTEXT, CONFIG))
    then = messages(pitch_question("ALPHA", next_week, CONFIG))

    assert then[0] == now[0]
    assert not any(word in now[0]["content"] for word in (WEEK_ID, *MANAGERS))


def test_packs_stand_in_one_order_with_sorted_keys_whoever_was_first() -> None:
    turned = WeekContext(
        WEEK_ID, snapshot=CONTEXT.snapshot, packs=CONTEXT.packs[::-1], pitches=CONTEXT.pitches
    )

    assert messages(pitch_question("ALPHA", turned, CONFIG)) == messages(
        pitch_question("ALPHA", CONTEXT, CONFIG)
    )
