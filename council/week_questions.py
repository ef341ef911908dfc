"""The questions of a stored week, built again as they were asked, to be read or counted."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from config.schema import Config
from council.anonymise import ballot_for, sealed_labels
from council.context import WeekContext
from council.llm.questions import (
    pitch_question,
    report_question,
    research_question,
    review_question,
)
from council.llm.turns import hash_of
from council.model.research import PackName
from council.ports import Question, ResearchTask
from council.stages.chairman import decision_question
from council.voting import scoreboard


def questions_of(
    context: WeekContext,
    config: Config,
    *,
    reports: Mapping[PackName, str],
    asked: Collection[str],
) -> tuple[Question[Any], ...]:
    """Return the questions from research to decision, in the order of the stages.

    `reports` are those that research services wrote, by pack. `asked` holds the hashes of the
    prompts that were sent: a pack was asked for with its report if that is what was sent.
    """
    return (
        *_research(context, config, reports=reports, asked=asked),
        *(pitch_question(own.nickname, context, config) for own in config.managers),
        *_reviews(context, config),
        *_decision(context, config),
    )


def _research(
    context: WeekContext,
    config: Config,
    *,
    reports: Mapping[PackName, str],
    asked: Collection[str],
) -> Iterator[Question[Any]]:
    for own in config.models.research:
        if not own.enabled:
            continue
        task = ResearchTask(
            week_id=context.week_id,
            pack=own.pack,
            snapshot=context.frozen_snapshot,
            universe=config.universe,
            query=context.started.query if context.started else None,
        )
        report = reports.get(own.pack)
        of_report = report_question(task, report) if report else None
        sent = of_report is not None and hash_of(of_report) in asked
        yield of_report if of_report and sent else research_question(task)


def _reviews(context: WeekContext, config: Config) -> Iterator[Question[Any]]:
    if len(context.pitches) < config.models.limits.quorum_pitches:
        return
    for own in config.managers:
        ballot = ballot_for(own.nickname, context, config)
        if ballot.pitches:
            yield review_question(ballot, context, config)


def _decision(context: WeekContext, config: Config) -> Iterator[Question[Any]]:
    if context.decision is not None:
        board = scoreboard(context.reviews, sealed_labels(context), week_id=context.week_id)
        yield decision_question(context, config, board)
