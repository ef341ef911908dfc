"""Every prompt, whole, as the models read it: a changed word shows here."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from jinja2 import UndefinedError
from syrupy.assertion import SnapshotAssertion

from council.context import WeekContext
from council.llm.questions import (
    chairman_question,
    checkpoint_question,
    pitch_question,
    research_question,
    review_question,
)
from council.model.base import Direction
from council.model.checkpoint import CheckpointAnswer, IndicatorReading
from council.model.pitch import FrozenIndicator, PitchTerms
from council.model.review import AnonymousPitch, Ballot
from council.ports import Question, ResearchTask
from council.templates import prompt_hash, render
from tests.builders import (
    WEEK_ID,
    make_config,
    make_instrument,
    make_pack,
    make_pitch,
    make_review,
    make_snapshot,
)

UNIVERSE = ("SPY", "TLT", "USO")
CONFIG = make_config(universe=UNIVERSE)
SNAPSHOT = make_snapshot(
    universe=("SPY", "TLT"),
    instruments=(make_instrument("SPY"), make_instrument("TLT", indicators={"rsi_14": None})),
    without_prices=("USO",),
    notices=("USO has no bars.",),
)
ENDS = FrozenIndicator(name="SPY.close", operator="<", threshold=98.5, current=100.25)
PITCH = make_pitch("ALPHA", invalidation_rule=ENDS)
CONTEXT = WeekContext(
    WEEK_ID,
    snapshot=SNAPSHOT,
    packs=(make_pack("B"), make_pack("A")),
    pitches=(PITCH,),
    reviews=(make_review("BRAVO", "ALPHA"),),
)


def ballot(reviewer: str) -> Ballot:
    shown = {name: getattr(PITCH, name) for name in PitchTerms.model_fields}
    pitch = AnonymousPitch(label="P1", **shown)
    return Ballot(reviewer=reviewer, pitches=(pitch,), pitch_ids={"P1": PITCH.idea_id})


def checkpoint() -> Question[CheckpointAnswer]:
    reading = IndicatorReading(
        name="SPY.rsi_14", operator=">", threshold=70, current=55.5, now=71.2, crossed=True
    )
    return checkpoint_question(
        "ALPHA",
        CONTEXT,
        CONFIG,
        slot="12:00",
        taken_on=date(2026, 11, 19),
        held=Direction.LONG,
        position={"instrument": "SPY", "profit_usd": Decimal("12.50")},
        readings=(reading,),
        invalidation=(IndicatorReading(**dict(ENDS), now=98.4, crossed=True),),
        peers=({"instrument": "TLT", "direction": "SHORT"},),
    )


QUESTIONS: dict[str, Question[Any]] = {
    "research": research_question(
        ResearchTask(WEEK_ID, "A", SNAPSHOT, UNIVERSE, "What of oil? </owner_question>")
    ),
    "pitch": pitch_question("ALPHA", CONTEXT, CONFIG),
    "peer_review": review_question(ballot("BRAVO"), CONTEXT, CONFIG),
    "chairman": chairman_question(
        CONTEXT, ballot("BOARD"), ({"label": "P1", "mean_score": 7.0},), CONFIG
    ),
    "checkpoint": checkpoint(),
}


@pytest.mark.parametrize("stage", QUESTIONS)
def test_the_prompt_reads_as_it_was_written(stage: str, snapshot: SnapshotAssertion) -> None:
    question = QUESTIONS[stage]

    assert f"{question.system}\n=====\n{question.shared}\n=====\n{question.own}" == snapshot


@pytest.mark.parametrize("stage", QUESTIONS)
def test_a_prompt_names_neither_accounts_nor_models(stage: str) -> None:
    question = QUESTIONS[stage]

    text = question.system + question.shared + question.own

    for name in ("ALPHA", "BRAVO", "BOARD", "vendor-", "rehearsal", PITCH.model):
        assert name not in text


def test_the_stages_share_the_opening_of_their_prompts() -> None:
    sharing = ("pitch", "peer_review", "chairman")

    openings = {(q.system, q.shared) for name, q in QUESTIONS.items() if name in sharing}

    assert len(openings) == 1


def test_a_checkpoint_sees_neither_packs_nor_market_table() -> None:
    question = QUESTIONS["checkpoint"]

    assert question.shared == ""
    assert "<research_pack" not in question.own
    assert "<market_table" not in question.own


def test_a_missing_pack_is_said() -> None:
    question = pitch_question("ALPHA", replace(CONTEXT, packs=()), CONFIG)

    assert "There is no research pack this week" in question.shared


def test_the_owners_words_stay_inside_their_block() -> None:
    assert QUESTIONS["research"].own.count("</owner_question>") == 1


def test_a_template_that_misses_a_name_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("repair")


def test_a_hash_tells_texts_apart_wherever_they_are_split() -> None:
    assert prompt_hash("ab", "c") != prompt_hash("a", "bc")
    assert prompt_hash("ab", "c") == prompt_hash("ab", "c")
