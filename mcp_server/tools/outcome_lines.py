"""From shapes of results to the short lines that a model reads; what is cut is said."""

from collections.abc import Sequence
from typing import Final

from mcp_server.reporting import words
from mcp_server.result_shapes import (
    AccountNumbersShape,
    BookNumbersShape,
    CalibrationShape,
    ClaimShape,
    LeaderShape,
    LessonShape,
    ReviewerShape,
    StageShape,
)
from mcp_server.result_words import (
    book_words,
    gap_words,
    leader_gap_words,
    level_words,
    panic_words,
    rank_ic_words,
    sharpe_words,
    stage_words,
)
from mcp_server.tools.outcome_answers import (
    BookLine,
    CalibrationLine,
    ClaimLine,
    LeaderLine,
    LessonLine,
    NumbersLine,
    ReviewerLine,
    StageLine,
)

MOST_EVIDENCE: Final = 4
"""Ids beside one claim; the page has them all."""
_FRACTION_DIGITS: Final = 6


def numbers_line(own: AccountNumbersShape) -> NumbersLine:
    """Show one account's week."""
    gross, net = words.share(own.gross_exposure), words.percent(own.net_exposure, places=0)
    return NumbersLine(
        account=own.account,
        profit_usd=_cents(own.profit_usd),
        total_return=_fraction(own.time_weighted_return),
        maximum_drawdown=_fraction(own.maximum_drawdown),
        turnover=_fraction(own.turnover),
        exposure=f"gross {gross}, net {net}",
        conviction_volatility=_fraction(own.conviction_volatility),
        panic_exits=panic_words(own.panic_exits, own.panic_cost_usd),
        left_out_by_paper=gap_words(own.dividends_usd, own.borrow_usd),
    )


def book_line(own: BookNumbersShape) -> BookLine:
    """Show one shadow book by its name in words."""
    return BookLine(book=book_words(own.book, own.account), net_return=_fraction(own.net_return))


def stage_line(value: StageShape) -> StageLine:
    """Show what a stage added, and whether that can be told from nothing."""
    return StageLine(
        stage=value.stage,
        said=stage_words(value),
        mean_usd=_cents(value.mean_usd),
        mean_bps=_cents(value.mean_bps),
        low_bps=_cents(value.low_bps),
        high_bps=_cents(value.high_bps),
        weeks=value.weeks,
        cases=value.cases,
    )


def claim_line(claim: ClaimShape) -> ClaimLine:
    """Show a claim with the first of the events that it rests on."""
    return ClaimLine(untrusted_text=claim.text, evidence=shortened(claim.evidence, MOST_EVIDENCE))


def lesson_line(lesson: LessonShape) -> LessonLine:
    """Show a lesson with its age and what supports it."""
    return LessonLine(
        said=lesson.said,
        since_week=lesson.since_week,
        age_weeks=lesson.age_weeks,
        support_weeks=lesson.support_weeks,
        untrusted_text=lesson.text,
    )


def leader_line(own: LeaderShape) -> LeaderLine:
    """Show an account or a book to date."""
    return LeaderLine(
        rank=own.rank,
        name=own.name if own.kind == "account" else book_words(own.name, None),
        kind=own.kind,
        total_return=_fraction(own.total_return),
        profit_usd=_cents(own.profit_usd),
        sharpe=sharpe_words(own),
        maximum_drawdown=_fraction(own.maximum_drawdown),
        weeks_won=f"{own.hits} of {own.cases}",
        turnover=_fraction(own.turnover),
        panic_exits=panic_words(own.panic_exits, own.panic_cost_usd),
        left_out_by_paper=leader_gap_words(own),
    )


def reviewer_line(own: ReviewerShape) -> ReviewerLine:
    """Show how well a reviewer's scores foretold results."""
    return ReviewerLine(
        reviewer=own.reviewer or "all together",
        rank_ic=rank_ic_words(own),
        kill_shots=f"{own.kill_shots_true} of {own.kill_shots} came true",
    )


def calibration_line(own: CalibrationShape) -> CalibrationLine:
    """Show whether a manager's convictions mean what they say."""
    return CalibrationLine(
        account=own.account,
        right=f"{own.hits} of {own.cases}",
        brier=_fraction(own.brier),
        levels="; ".join(level_words(level) for level in own.levels if level.cases),
    )


def shortened(sentences: Sequence[str], most: int) -> tuple[str, ...]:
    """Return the first `most`, and how many were left out."""
    left = len(sentences) - most
    return tuple(sentences) if left <= 0 else (*sentences[:most], f"and {left} more")


def _fraction(value: float | None) -> float | None:
    return None if value is None else round(value, _FRACTION_DIGITS)


def _cents(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
