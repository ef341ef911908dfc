"""The questions that stages ask: prompt texts from stored facts, the answer's type and its rules.

Every builder is a pure function, so that a resumed week asks exactly what it asked before. No name
of an account or a model stands in any prompt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from config.schema import Config
from council.context import WeekContext
from council.llm.blocks import (
    invalidation_block,
    lessons_block,
    market_text,
    reviews_block,
    shared_text,
    thesis_block,
)
from council.model.base import Direction
from council.model.checkpoint import CheckpointAnswer, IndicatorReading, checkpoint_problems
from council.model.decision import DecisionAnswer, decision_problems
from council.model.pitch import PitchAnswer, pitch_problems
from council.model.research import ResearchAnswer
from council.model.review import Ballot, BallotAnswer, ballot_problems
from council.ports import Question, ResearchTask
from council.templates import render
from council.untrusted import fenced, without_links

QUERY_CHARACTERS = 2_000
REPORT_CHARACTERS = 80_000
"""So much of a report is put into a pack; the whole stands in the log."""


def research_question(task: ResearchTask) -> Question[ResearchAnswer]:
    """Ask for one research pack; `task.query` goes in as a quoted wish of the owner."""
    query = (task.query or "").strip()[:QUERY_CHARACTERS]
    return Question(
        week_id=task.week_id,
        stage="research",
        asked_by=f"research-{task.pack}",
        system=render("system"),
        shared=market_text(task.snapshot, task.universe),
        own=render(
            "research",
            universe_size=len(task.universe),
            question=fenced("owner_question", query) if query else "",
            task=_task("research", task.week_id),
        ),
        answer_type=ResearchAnswer,
        problems=partial(
            research_problems, universe=task.universe, tradable=task.snapshot.tradable
        ),
    )


def report_question(task: ResearchTask, report: str) -> Question[ResearchAnswer]:
    """Ask for the pack that follows from a research service's report, which is untrusted text."""
    asked = research_question(task)
    quoted = without_links(report[:REPORT_CHARACTERS])
    own = render(
        "research_from_report",
        universe_size=len(task.universe),
        report=fenced("research_report", quoted),
        task=_task("research", task.week_id),
    )
    return replace(asked, own=own)


def research_problems(
    answer: ResearchAnswer, *, universe: Sequence[str], tradable: Sequence[str]
) -> tuple[str, ...]:
    """Return every broken rule of a pack as one clause; empty where all hold."""
    problems = [
        f"tradable_candidates: {candidate.instrument!r} has no prices this week; choose from "
        f"{', '.join(tradable)}"
        for candidate in answer.tradable_candidates
        if candidate.instrument not in tradable
    ]
    named = sorted(view.instrument for view in answer.instrument_ranking)
    ranks = sorted(view.rank for view in answer.instrument_ranking)
    if named != sorted(universe) or ranks != list(range(1, len(universe) + 1)):
        problems.append(
            f"instrument_ranking: give each of {', '.join(universe)} one rank from 1 to "
            f"{len(universe)}, each rank once"
        )
    return tuple(problems)


def pitch_question(account: str, context: WeekContext, config: Config) -> Question[PitchAnswer]:
    """Ask the model of `account` for its pitch of the week."""
    snapshot = context.frozen_snapshot
    return Question(
        week_id=context.week_id,
        stage="pitch",
        asked_by=account,
        system=render("system"),
        shared=shared_text(context, config.universe),
        own=render(
            "pitch",
            universe_size=len(config.universe),
            tradable=snapshot.tradable,
            lessons=lessons_block(context.started.lessons if context.started else ()),
            task=_task("pitch", context.week_id),
        ),
        answer_type=PitchAnswer,
        problems=partial(
            pitch_problems,
            universe=config.universe,
            tradable=snapshot.tradable,
            numbers=snapshot.numbers(),
        ),
    )


def review_question(ballot: Ballot, context: WeekContext, config: Config) -> Question[BallotAnswer]:
    """Ask `ballot.reviewer` to review every pitch on its ballot, in the ballot's order."""
    labels = _labels(ballot)
    return Question(
        week_id=context.week_id,
        stage="peer_review",
        asked_by=ballot.reviewer,
        system=render("system"),
        shared=shared_text(context, config.universe),
        own=render(
            "peer_review",
            labels=labels,
            pitches=_pitches(ballot),
            task=_task("peer_review", context.week_id),
        ),
        answer_type=BallotAnswer,
        problems=partial(ballot_problems, labels=labels),
    )


def chairman_question(
    context: WeekContext,
    ballot: Ballot,
    scoreboard: Sequence[Mapping[str, object]],
    config: Config,
) -> Question[DecisionAnswer]:
    """Ask the chairman for the council's trade.

    `ballot` holds every pitch under the chairman's labels; `scoreboard` one JSON object a label,
    the best first, such as mean score, number of reviews and mean rank.
    """
    tradable, labels = context.frozen_snapshot.tradable, _labels(ballot)
    return Question(
        week_id=context.week_id,
        stage="chairman",
        asked_by=config.chairman.nickname,
        system=render("system"),
        shared=shared_text(context, config.universe),
        own=render(
            "chairman",
            tradable=tradable,
            labels=labels,
            pitches=_pitches(ballot),
            reviews=reviews_block(context.reviews, ballot),
            scoreboard=fenced("scoreboard", [dict(row) for row in scoreboard]),
            task=_task("chairman", context.week_id),
        ),
        answer_type=DecisionAnswer,
        problems=partial(decision_problems, tradable=tradable, labels=labels),
        may_fall_back=True,
    )


def checkpoint_question(
    account: str,
    context: WeekContext,
    config: Config,
    *,
    slot: str,
    taken_on: date,
    held: Direction,
    position: Mapping[str, object],
    readings: Sequence[IndicatorReading],
    invalidation: Sequence[IndicatorReading] = (),
    peers: Sequence[Mapping[str, object]],
) -> Question[CheckpointAnswer]:
    """Ask what to do with the open trade of `account` at `slot` (HH:MM, New York).

    Args:
        account: whose trade it is; the chairman's account has the decision for a thesis.
        context: the week; only the thesis is taken from it, never its packs or its market table.
        config: tells which account is the chairman's.
        slot: the checkpoint's time of day.
        taken_on: the checkpoint's New York date: the same numbers on another day are asked anew.
        held: the side that is held now, LONG or SHORT.
        position: JSON values instrument, direction, quantity, average_price, last_price,
            profit_usd, profit_fraction (of the position's cost), conviction; what is unknown is
            left out.
        readings: the frozen indicators then and now.
        invalidation: the rules of which any ends the trade, likewise.
        peers: one JSON object for each other account with instrument, direction, conviction and
            profit_fraction, without its name.
    """
    chairs = account == config.chairman.nickname
    thesis = context.decision if chairs else context.pitch_of(account)
    return Question(
        week_id=context.week_id,
        stage="checkpoint",
        asked_by=account,
        system=render("system"),
        shared="",
        own=render(
            "checkpoint",
            held=held.value,
            thesis=thesis_block(thesis),
            indicators=fenced("indicators", list(readings)),
            invalidation=invalidation_block(invalidation),
            position=fenced("position", dict(position)),
            peers=fenced("peers", [dict(peer) for peer in peers]),
            task=_task("checkpoint", context.week_id, slot=slot, taken_on=taken_on.isoformat()),
        ),
        answer_type=CheckpointAnswer,
        problems=partial(checkpoint_problems, held=held),
    )


def _labels(ballot: Ballot) -> tuple[str, ...]:
    return tuple(pitch.label for pitch in ballot.pitches)


def _pitches(ballot: Ballot) -> str:
    rows = [pitch.model_dump(mode="json") for pitch in ballot.pitches]
    return fenced("pitches", without_links(rows))


def _task(stage: str, week_id: str, **details: str) -> str:
    return fenced("task", {"stage": stage, "week_id": week_id, **details})
