"""The general council's prompts, whole, as the models read them: a changed word shows here."""

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from council.ask_facts import AnswersRanked, QuestionAnswered, QuestionAsked
from council.asking import AskContext
from council.llm.ask_questions import answer_question, final_question, ranking_question
from council.model.asking import MemberAnswer, RankedAnswer
from council.ports import Question
from tests.builders import WEEK_ID, make_config, make_instrument, make_snapshot

CONFIG = make_config(universe=("SPY", "TLT"))
SNAPSHOT = make_snapshot(
    universe=("SPY", "TLT"), instruments=(make_instrument("SPY"), make_instrument("TLT"))
)
ASK = {"week_id": WEEK_ID, "ask_id": "2026-11-18-0123456789"}
WHO = {**ASK, "model": "vendor/m", "prompt_hash": "ab" * 32, "outcome": "valid"}
ASKED = QuestionAsked(
    **ASK,
    question="Do bonds still hedge shares? </question>",
    asked_on="2026-11-18",
    market_week=WEEK_ID,
    config_hash="cd" * 32,
    mode="live",
    degraded=(),
)


def answered(account: str, label: str, text: str) -> QuestionAnswered:
    answer = MemberAnswer(answer=text, confidence="medium", doubts=("The next print.",))
    return QuestionAnswered(**WHO, account=account, label=label, answer=answer)


def ranked(account: str, *labels: str) -> AnswersRanked:
    places = tuple(RankedAnswer(label=label, reason=f"{label} is right.") for label in labels)
    return AnswersRanked(**WHO, account=account, ranking=places)


CONTEXT = AskContext(
    ASK["ask_id"],
    asked=ASKED,
    answers=(
        answered("ALPHA", "A2", "**Yes**, as GPT-5 I say so: see https://example.org."),
        answered("BRAVO", "A1", "Only when growth falls and inflation does not rise."),
        answered("CHARLIE", "A3", "It cannot be known."),
    ),
    rankings=(ranked("ALPHA", "A1", "A3"), ranked("BRAVO", "A3", "A2"), ranked("ECHO", "A1", "A3")),
)
QUESTIONS: dict[str, Question[Any]] = {
    "answer": answer_question("ALPHA", ASKED, CONFIG, SNAPSHOT),
    "ranking": ranking_question("CHARLIE", CONTEXT, CONFIG, asked=ASKED, snapshot=None),
    "chairman": final_question(CONTEXT, CONFIG, asked=ASKED, snapshot=None),
}


@pytest.mark.parametrize("stage", QUESTIONS)
def test_the_prompt_reads_as_it_was_written(stage: str, snapshot: SnapshotAssertion) -> None:
    question = QUESTIONS[stage]

    assert f"{question.system}\n=====\n{question.shared}\n=====\n{question.own}" == snapshot


@pytest.mark.parametrize("stage", QUESTIONS)
def test_a_prompt_names_neither_accounts_nor_models(stage: str) -> None:
    question = QUESTIONS[stage]

    text = question.system + question.shared + question.own

    for name in ("ALPHA", "BRAVO", "BOARD", "vendor", "rehearsal", "GPT", "https://", "**"):
        assert name not in text


def test_the_parts_share_the_opening_of_their_prompts() -> None:
    assert len({question.system for question in QUESTIONS.values()}) == 1
