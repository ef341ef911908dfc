"""What members and chairman of the general council are asked: pure, and without any name.

Answers are shown to others as normalised text under labels. A name that the person's own question
uses tells nobody's author and stays readable.
"""

from collections.abc import Callable, Sequence
from functools import partial

from config.schema import Config
from council.anonymise import telling_names, without_names
from council.ask_facts import QuestionAnswered, QuestionAsked
from council.asking import AskContext, answers_for, standings
from council.llm.blocks import market_text
from council.model.asking import (
    FinalAnswer,
    MemberAnswer,
    RankingAnswer,
    final_problems,
    ranking_problems,
)
from council.model.base import Value
from council.model.market import MarketSnapshot
from council.ports import AnswerType, Question
from council.templates import render
from council.untrusted import fenced, without_links


def answer_question(
    account: str, asked: QuestionAsked, config: Config, snapshot: MarketSnapshot | None
) -> Question[MemberAnswer]:
    """Ask a member for its own answer."""
    own = render("ask_answer", question=_person(asked), task=_task("ask_answer", asked))
    return _question(account, asked, own, answer_type=MemberAnswer, table=(snapshot, config))


def ranking_question(
    account: str,
    context: AskContext,
    config: Config,
    *,
    asked: QuestionAsked,
    snapshot: MarketSnapshot | None,
) -> Question[RankingAnswer]:
    """Ask a member to rank the others' answers."""
    shown = answers_for(account, context, _members(config))
    labels = [given.label for given in shown]
    own = render(
        "ask_ranking",
        labels=labels,
        question=_person(asked),
        answers=_answers(shown, asked, config),
        task=_task("ask_ranking", asked),
    )
    return _question(
        account,
        asked,
        own,
        answer_type=RankingAnswer,
        table=(snapshot, config),
        problems=partial(ranking_problems, labels=labels),
    )


def final_question(
    context: AskContext,
    config: Config,
    *,
    asked: QuestionAsked,
    snapshot: MarketSnapshot | None,
) -> Question[FinalAnswer]:
    """Ask the chairman for the one answer that the person gets."""
    chairman = config.chairman.nickname
    shown = answers_for(chairman, context, (*_members(config), chairman))
    labels = [given.label for given in shown]
    reasons = [
        {"label": label, "reasons": _reasons(label, context, asked, config)} for label in labels
    ]
    own = render(
        "ask_chairman",
        labels=labels,
        question=_person(asked),
        answers=_answers(shown, asked, config),
        rankings=fenced("rankings", without_links(reasons)),
        scoreboard=fenced("scoreboard", list(standings(context))),
        task=_task("ask_chairman", asked),
    )
    return _question(
        chairman,
        asked,
        own,
        answer_type=FinalAnswer,
        table=(snapshot, config),
        problems=partial(final_problems, labels=labels),
    )


def _no_problems(answer: Value) -> tuple[str, ...]:
    return ()


def _question(
    account: str,
    asked: QuestionAsked,
    own: str,
    *,
    answer_type: type[AnswerType],
    table: tuple[MarketSnapshot | None, Config],
    problems: Callable[[AnswerType], tuple[str, ...]] = _no_problems,
) -> Question[AnswerType]:
    snapshot, config = table
    return Question(
        week_id=asked.week_id,
        stage=_STAGES[answer_type],
        asked_by=account,
        system=render("ask_system"),
        shared=market_text(snapshot, config.universe) if snapshot else "",
        own=own,
        answer_type=answer_type,
        problems=problems,
        may_fall_back=answer_type is FinalAnswer,
    )


_STAGES: dict[type[Value], str] = {
    MemberAnswer: "ask_answer",
    RankingAnswer: "ask_ranking",
    FinalAnswer: "ask_chairman",
}


def _members(config: Config) -> list[str]:
    return [manager.nickname for manager in config.managers]


def _person(asked: QuestionAsked) -> str:
    return fenced("question", asked.question)


def _task(stage: str, asked: QuestionAsked) -> str:
    return fenced("task", {"stage": stage, "ask_id": asked.ask_id, "asked_on": asked.asked_on})


def _answers(shown: Sequence[QuestionAnswered], asked: QuestionAsked, config: Config) -> str:
    scrub = _scrub(asked, config)
    rows = [
        {
            "label": given.label,
            "answer": scrub(given.answer.answer),
            "confidence": given.answer.confidence,
            "doubts": [scrub(doubt) for doubt in given.answer.doubts],
        }
        for given in shown
    ]
    return fenced("answers", without_links(rows))


def _reasons(
    label: str, context: AskContext, asked: QuestionAsked, config: Config
) -> list[dict[str, object]]:
    """Return the place and the reason that each ranking gave to one answer, best place first."""
    scrub = _scrub(asked, config)
    found = [
        {"place": place, "reason": scrub(entry.reason)}
        for given in context.rankings
        for place, entry in enumerate(given.ranking, start=1)
        if entry.label == label
    ]
    return sorted(found, key=lambda row: (row["place"], row["reason"]))


def _scrub(asked: QuestionAsked, config: Config) -> Callable[[str], str]:
    question = asked.question.lower()
    names = [name for name in telling_names(config) if name not in question]
    return partial(without_names, names=names)
