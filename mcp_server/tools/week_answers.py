"""What the tools of the week answer about a run: each step its own part of the week."""

from collections.abc import Callable

from mcp_server.tools.lines import decision_words, pack_line, pitch_line, score_lines, trade_line
from mcp_server.tools.results import (
    PitchesAnswer,
    ResearchAnswer,
    ReviewsAnswer,
    RunAnswer,
    SynthesisAnswer,
    WeekAnswer,
)
from mcp_server.tools.running import WeekStanding, told_of
from mcp_server.tools.verdicts import approval_address


def research_answer(standing: WeekStanding) -> ResearchAnswer:
    """Show the packs."""
    packs = tuple(map(pack_line, standing.stored.research))
    return ResearchAnswer(**told_of(standing, "research"), packs=packs)


def pitches_answer(standing: WeekStanding) -> PitchesAnswer:
    """Show the pitches."""
    pitches = tuple(map(pitch_line, standing.stored.pitches))
    return PitchesAnswer(**told_of(standing, "pitch"), pitches=pitches)


def reviews_answer(standing: WeekStanding) -> ReviewsAnswer:
    """Show the mean score of every sealed label."""
    week = standing.stored
    return ReviewsAnswer(
        **told_of(standing, "peer_review"),
        scores=score_lines(week.scores, is_over="chairman" in week.completed),
        measured=" ".join(week.measured),
    )


def synthesis_answer(standing: WeekStanding) -> SynthesisAnswer:
    """Show the chairman's decision and the trades that wait."""
    week = standing.stored
    return SynthesisAnswer(
        **told_of(standing, "chairman"),
        decision=decision_words(week.decision),
        untrusted_text=week.decision.rationale if week.decision else "",
        trades=tuple(map(trade_line, week.trades)),
        approval_url=approval_address(standing.app),
    )


def week_answer(standing: WeekStanding, stage: str) -> WeekAnswer:
    """Show what the run up to `stage`, or of that step, has led to."""
    week = standing.stored
    return WeekAnswer(
        **told_of(standing, stage),
        decision=decision_words(week.decision),
        untrusted_text=week.decision.rationale if week.decision else "",
        measured=" ".join(week.measured),
        trades=tuple(map(trade_line, week.trades)),
        approval_url=approval_address(standing.app),
    )


STEP_ANSWERS: dict[str, Callable[[WeekStanding], RunAnswer]] = {
    "research": research_answer,
    "pitch": pitches_answer,
    "peer_review": reviews_answer,
    "chairman": synthesis_answer,
}
"""By step, what its own tool answers."""
