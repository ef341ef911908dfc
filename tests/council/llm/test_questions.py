"""The rules that travel with a question."""

import pytest

from council.context import WeekContext
from council.llm.blocks import reviews_block
from council.llm.questions import pitch_question, research_problems
from council.llm.rehearsal.reading import read_blocks
from council.model.pitch import IndicatorRule, PitchTerms
from council.model.research import RankedView
from council.model.review import AnonymousPitch, Ballot
from tests.builders import (
    UNIVERSE,
    WEEK_ID,
    make_config,
    make_pitch,
    make_pitch_answer,
    make_research_answer,
    make_review,
    make_snapshot,
)

PRICED = tuple(symbol for symbol in UNIVERSE if symbol != "USO")
COMPLETE = tuple(RankedView(instrument=s, rank=i, reason="r") for i, s in enumerate(UNIVERSE, 1))


def test_a_pack_that_ranks_all_and_names_what_has_prices_breaks_no_rule() -> None:
    answer = make_research_answer(instrument_ranking=COMPLETE)

    assert research_problems(answer, universe=UNIVERSE, tradable=UNIVERSE) == ()


@pytest.mark.parametrize(
    "ranking",
    [
        COMPLETE[1:],
        (*COMPLETE, COMPLETE[0]),
        (*COMPLETE[1:], COMPLETE[0].model_copy(update={"rank": 2})),
        (*COMPLETE[1:], COMPLETE[0].model_copy(update={"instrument": "XYZ"})),
    ],
)
def test_a_packs_ranking_is_a_permutation_of_the_universe(ranking: tuple[RankedView, ...]) -> None:
    answer = make_research_answer(instrument_ranking=ranking)

    problems = research_problems(answer, universe=UNIVERSE, tradable=UNIVERSE)

    assert [problem.split(":")[0] for problem in problems] == ["instrument_ranking"]


def test_a_candidate_without_prices_is_named() -> None:
    answer = make_research_answer(instrument_ranking=COMPLETE)
    named = answer.tradable_candidates[0].model_copy(update={"instrument": "USO"})
    answer = answer.model_copy(update={"tradable_candidates": (named,)})

    problems = research_problems(answer, universe=UNIVERSE, tradable=PRICED)

    assert [problem.split(" has")[0] for problem in problems] == ["tradable_candidates: 'USO'"]


def test_a_pitch_may_only_name_numbers_of_the_market_table() -> None:
    context = WeekContext(WEEK_ID, snapshot=make_snapshot())
    question = pitch_question("ALPHA", context, make_config())
    unknown = IndicatorRule(name="SPY.price_target", operator=">", threshold=1)

    assert question.problems(make_pitch_answer()) == ()
    assert question.problems(make_pitch_answer(indicators=(unknown,))) == (
        "indicators: SPY.price_target is no number of the market table",
    )


def test_reviews_stand_under_the_label_of_their_pitch_and_without_their_reviewers() -> None:
    pitches = {"P1": make_pitch("ALPHA"), "P2": make_pitch("BRAVO")}
    fields = list(PitchTerms.model_fields)
    ballot = Ballot(
        reviewer="BOARD",
        pitches=tuple(
            AnonymousPitch(label=label, **{name: getattr(pitch, name) for name in fields})
            for label, pitch in pitches.items()
        ),
        pitch_ids={label: pitch.idea_id for label, pitch in pitches.items()},
    )
    reviews = (make_review("CHARLIE", "BRAVO"), make_review("DELTA", "BRAVO"))

    block = reviews_block(reviews, ballot)

    counts = {row["label"]: len(row["reviews"]) for row in read_blocks(block)["reviews"]}
    assert counts == {"P1": 0, "P2": 2}
    assert "CHARLIE" not in block
