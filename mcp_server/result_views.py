"""From measures and stored postmortems to shapes: pure, and where Decimals become numbers.

What models wrote is cleaned here once more, so that it cannot steer a terminal or a reading model.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from council.analytics.calibration import Calibration, ConvictionLevel
from council.analytics.lens import LookThrough
from council.analytics.ranking import Ranked, ranking
from council.analytics.resampling import FEWEST_WEEKS, Estimate, NotEnoughWeeks
from council.analytics.reviewers import DissentScore, ReviewerScore
from council.analytics.stage_value import StageValue
from council.lessons import same_text
from council.model.postmortem import AccountNumbers, BookNumbers, Claim
from council.untrusted import clean_text
from council.week_results import PaperGap, Results
from mcp_server.exposure_words import bet_words
from mcp_server.reporting.answers import (
    answer,
    date_books,
    date_returns,
    week_books,
    week_returns,
)
from mcp_server.reporting.material import LeaderboardMaterial, LessonShown, PostmortemMaterial
from mcp_server.result_shapes import (
    AccountNumbersShape,
    BookNumbersShape,
    CalibrationShape,
    ClaimShape,
    ClassExposureShape,
    DissentShape,
    ExposureShape,
    LeaderboardShape,
    LeaderShape,
    LessonShape,
    LevelShape,
    PostmortemShape,
    PostmortemState,
    ReviewerShape,
    Said,
    StageShape,
)
from mcp_server.shapes import WeekShape


def postmortem_shape(material: PostmortemMaterial, *, ends_at: datetime) -> PostmortemShape:
    """Show a postmortem that is stored, with what the stages were worth until then."""
    text, results = material.postmortem, material.results
    standing = material.standing
    return PostmortemShape(
        week_id=material.week_id,
        mode=standing.mode,
        venue=standing.venue,
        degraded=standing.degraded,
        state="abstained" if text is None else "written",
        ends_at=ends_at,
        account=text.account if text else results.chairman,
        model=text.model if text else None,
        written_at=text.written_at if text else None,
        until_at=material.numbers.until_at,
        answer=answer(results, week_returns(material), week_books(material)),
        accounts=tuple(map(account_numbers_shape, material.numbers.accounts)),
        books=tuple(map(book_numbers_shape, material.numbers.books)),
        claims=tuple(map(claim_shape, text.claims)) if text else (),
        lessons=lesson_shapes(material),
        dropped=text.dropped if text else 0,
        abstention=clean_text(material.abstention) if material.abstention else None,
        stages=tuple(map(stage_shape, results.stages)),
        exposure=exposure_shape(results.exposure),
        notices=material.numbers.notices,
    )


def empty_postmortem(
    week: WeekShape, *, state: PostmortemState, ends_at: datetime
) -> PostmortemShape:
    """Show that a week has no postmortem, and why."""
    nothing = ("account", "model", "written_at", "until_at", "abstention", "exposure")
    no_lines = ("accounts", "books", "claims", "lessons", "stages", "notices")
    return PostmortemShape(
        week_id=week.week_id,
        mode=week.mode,
        venue=week.venue,
        degraded=week.degraded,
        state=state,
        ends_at=ends_at,
        answer="",
        dropped=0,
        **dict.fromkeys(nothing),
        **dict.fromkeys(no_lines, ()),
    )


def leaderboard_shape(material: LeaderboardMaterial) -> LeaderboardShape:
    """Show who is ahead, what each stage is worth, and who knew what."""
    results, standing = material.results, material.standing
    return LeaderboardShape(
        mode=standing.mode,
        venue=standing.venue,
        degraded=standing.degraded,
        until_at=results.until_at,
        answer=answer(results, date_returns(results), date_books(results)),
        weeks=tuple(week.week_id for week in results.weeks),
        leaders=leader_shapes(results),
        stages=tuple(map(stage_shape, results.stages)),
        reviewers=tuple(map(reviewer_shape, results.reviewers)),
        dissents=tuple(map(dissent_shape, results.dissents)),
        calibrations=tuple(map(calibration_shape, results.calibrations)),
        exposure=exposure_shape(results.exposure),
        notices=results.notices,
    )


def lesson_shapes(material: PostmortemMaterial) -> tuple[LessonShape, ...]:
    """Show the lessons in force after the week, and which of them it wrote or confirmed."""
    text = material.postmortem
    confirmed = {one.lesson_id for one in text.confirmed} if text else set()
    repeated = {same_text(one.text) for one in text.lessons} if text else set()
    return tuple(
        LessonShape(
            lesson_id=str(lesson.lesson_id),
            text=clean_text(lesson.text),
            said=_said(
                lesson,
                material.week_id,
                again=lesson.lesson_id in confirmed or same_text(lesson.text) in repeated,
            ),
            since_week=lesson.since_week,
            age_weeks=lesson.age_weeks,
            support_weeks=lesson.support,
        )
        for lesson in material.lessons
    )


def _said(lesson: LessonShown, week_id: str, *, again: bool) -> Said:
    if lesson.since_week == week_id:
        return "new"
    return "confirmed" if again else "earlier"


def account_numbers_shape(numbers: AccountNumbers) -> AccountNumbersShape:
    """Show the numbers of one account."""
    return AccountNumbersShape(**_in_floats(numbers.model_dump()))


def book_numbers_shape(numbers: BookNumbers) -> BookNumbersShape:
    """Show the return of one shadow book."""
    return BookNumbersShape(**numbers.model_dump())


def claim_shape(claim: Claim) -> ClaimShape:
    """Show what the chairman said, with the events that it rests on."""
    return ClaimShape(text=clean_text(claim.text), evidence=tuple(map(str, claim.evidence)))


def stage_shape(value: StageValue) -> StageShape:
    """Show the value of one stage, or how many weeks there are of those that are needed."""
    usd, bps = value.mean_usd, value.mean_bps
    return StageShape(
        stage=value.stage.value,
        weeks=len(value.weeks),
        telling_weeks=len([week for week in value.weeks if week.cases]),
        needed_weeks=FEWEST_WEEKS,
        cases=value.cases,
        **_interval(usd, "_usd"),
        **_interval(bps, "_bps"),
        certain=isinstance(usd, Estimate) and usd.is_certain,
    )


def _interval(found: Estimate | NotEnoughWeeks, unit: str) -> dict[str, Any]:
    names = ("mean", "low", "high")
    known = isinstance(found, Estimate)
    return {f"{name}{unit}": getattr(found, name) if known else None for name in names}


def leader_shapes(results: Results) -> tuple[LeaderShape, ...]:
    """Show accounts and the books that they must beat, best return to date first."""
    lines = ranking(results.to_date, results.books, results.weeks)
    return tuple(_leader(line, gaps=_gaps_of(line.name, results)) for line in lines)


def _gaps_of(account: str, results: Results) -> list[PaperGap]:
    return [gap for gaps in results.gaps.values() for gap in gaps if gap.account == account]


def _leader(line: Ranked, *, gaps: Sequence[PaperGap]) -> LeaderShape:
    own, ratio = line.account, line.sharpe
    return LeaderShape(
        rank=line.rank,
        name=line.name,
        kind="account" if own else "book",
        weeks=line.weeks,
        total_return=line.total_return,
        profit_usd=_number(own.profit_usd) if own else None,
        sharpe=ratio.ratio if ratio else None,
        sharpe_error=ratio.standard_error if ratio else None,
        maximum_drawdown=line.maximum_drawdown,
        hits=line.hits.hits,
        cases=line.hits.count,
        turnover=own.turnover if own else None,
        panic_exits=own.panic_exits if own else None,
        panic_cost_usd=float(own.panic_cost_usd) if own else None,
        dividends_usd=float(sum(gap.dividends_usd for gap in gaps)) if own else None,
        borrow_usd=float(sum(gap.borrow_usd for gap in gaps)) if own else None,
    )


def reviewer_shape(score: ReviewerScore) -> ReviewerShape:
    """Show how one reviewer's scores foretold results, or those of all together."""
    found = score.rank_ic if isinstance(score.rank_ic, Estimate) else None
    return ReviewerShape(
        reviewer=score.reviewer,
        weeks=len(score.weekly_ic),
        needed_weeks=FEWEST_WEEKS,
        rank_ic=found.mean if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        kill_shots=score.kill_shots.count,
        kill_shots_true=score.kill_shots.hits,
    )


def dissent_shape(score: DissentScore) -> DissentShape:
    """Show how often one manager's overruled pitches beat the decision, or those of all."""
    return DissentShape(account=score.account, right=score.right.hits, cases=score.right.count)


def calibration_shape(found: Calibration) -> CalibrationShape:
    """Show whether a manager's convictions meant what they said."""
    return CalibrationShape(
        account=found.account,
        hits=found.hits.hits,
        cases=found.hits.count,
        mean_return=found.mean_return,
        brier=found.brier,
        levels=tuple(map(_level, found.levels)),
    )


def _level(level: ConvictionLevel) -> LevelShape:
    return LevelShape(
        strength=float(level.strength),
        claimed=level.anchor,
        hits=level.hits.hits,
        cases=level.hits.count,
        mean_return=level.mean_return,
        agrees=level.agrees,
    )


def exposure_shape(found: LookThrough | None) -> ExposureShape | None:
    """Show what all accounts come to together."""
    if found is None:
        return None
    return ExposureShape(
        gross=found.gross,
        net=found.net,
        duration_years=found.duration_years,
        dv01_usd=float(found.dv01_usd),
        beta=found.beta,
        classes=tuple(
            ClassExposureShape(
                asset_class=line.asset_class,
                long_usd=float(line.long_usd),
                short_usd=float(line.short_usd),
            )
            for line in found.classes
        ),
        shared_bets=tuple(f"{bet}." for bet in bet_words(found.shared_bets)),
    )


def _in_floats(values: dict[str, Any]) -> dict[str, Any]:
    return {name: float(v) if isinstance(v, Decimal) else v for name, v in values.items()}


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
