"""Material for reports: six accounts over many weeks or one, one manager, and what goes wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID

from config.ids import meaning_id
from council.analytics.calibration import calibrations
from council.analytics.inputs import Week
from council.analytics.lens import ClassExposure, LookThrough, SharedBet
from council.analytics.results import AccountResults, account_results
from council.analytics.reviewers import dissent_scores, reviewer_scores
from council.analytics.shadow_books import Assumptions, shadow_books
from council.analytics.stage_value import stage_values
from council.model.postmortem import (
    AccountNumbers,
    BookNumbers,
    Claim,
    Confirmation,
    Lesson,
    Postmortem,
    WeekNumbers,
)
from council.risk.bets import Bet
from council.week_results import PaperGap, Results
from mcp_server.reporting.material import LeaderboardMaterial, PostmortemMaterial, Standing
from tests.builders import UNIVERSE
from tests.mcp_server.reporting.market import SHARES, SIX, drawn_weeks

LONE: Final = ("CLAUDE", "COUNCIL")
SCRIPT: Final = "<script>window.stolen = 1</script> **Yields** fell [here](https://evil.example)."
IMAGE: Final = '<img src="https://evil.example/x.png" onerror="window.stolen = 2"> | a | b |'
RTL: Final = "\u202eevil\u202c العائد على السندات انخفض ثلاثة أسابيع متتالية SPY"
UNBROKEN: Final = "w" * 300
STANDING: Final = Standing(
    mode="rehearsal",
    venue="simulated",
    degraded=(
        "Rehearsal models answer: set REQUESTY_API_KEY to ask language models.",
        "Orders go to the simulated exchange: six accounts have no Alpaca paper keys.",
    ),
)


@dataclass(frozen=True, slots=True)
class Standfast:
    """A lesson in force."""

    lesson_id: UUID
    text: str
    since_week: str
    age_weeks: int
    support: int


def _event(name: str) -> UUID:
    return meaning_id("event", name)


def _lesson(name: str) -> UUID:
    return meaning_id("lesson", name)


def _sizing(_: str, __: str, conviction: Decimal) -> Decimal | None:
    return Decimal(SHARES.get(f"{abs(conviction):.1f}", "0"))


@cache
def make_results(count: int, accounts: tuple[str, ...] = SIX) -> Results:
    """Return what the analytics make of `count` drawn weeks."""
    return results_over(drawn_weeks(count, accounts), accounts)


def results_over(
    weeks: tuple[Week, ...], accounts: tuple[str, ...] = SIX, **changes: Any
) -> Results:
    *managers, chairman = accounts
    assumptions = Assumptions(_sizing, tuple(managers), UNIVERSE, chairman)
    books = shadow_books(weeks, assumptions)
    ends = [mark.at for week in weeks for mark in week.marks[-1:]]
    fields: dict[str, Any] = {
        "until_at": ends[-1] if ends else None,
        "weeks": weeks,
        "accounts": accounts,
        "chairman": chairman,
        "to_date": tuple(account_results(name, weeks) for name in accounts),
        "by_week": {w.week_id: _by_week(w, accounts) for w in weeks},
        "gaps": {w.week_id: _gaps(accounts) for w in weeks},
        "books": books,
        "stages": stage_values(weeks, assumptions, books=books),
        "calibrations": calibrations(weeks, managers),
        "reviewers": reviewer_scores(weeks),
        "dissents": dissent_scores(weeks),
        "exposure": _exposure(accounts),
        "notices": (),
    }
    return Results(**{**fields, **changes})


def make_postmortem_material(
    count: int = 30, accounts: tuple[str, ...] = SIX, **changes: Any
) -> PostmortemMaterial:
    """Return the material of the last of `count` weeks, with the chairman's text."""
    results = changes.pop("results", None) or make_results(count, accounts)
    week_id = results.weeks[-1].week_id
    fields: dict[str, Any] = {
        "standing": STANDING,
        "results": results,
        "week_id": week_id,
        "numbers": numbers_of(results, week_id),
        "postmortem": make_text(week_id, results.chairman),
        "lessons": _lessons(week_id, count),
        "evidence": _evidence(),
    }
    return PostmortemMaterial(**{**fields, **changes})


def make_leaderboard_material(count: int = 30) -> LeaderboardMaterial:
    return LeaderboardMaterial(STANDING, make_results(count))


def abstained() -> PostmortemMaterial:
    reason = "no valid answer came after 3 attempts: 2 timeouts, 1 answer that was no JSON"
    return make_postmortem_material(1, postmortem=None, abstention=reason)


def unmarked() -> PostmortemMaterial:
    """Return a week of which nothing was marked at all."""
    (week,) = drawn_weeks(1)
    bare = replace(
        week,
        marks=(),
        accounts=tuple(replace(o, marks=(), checkpoints=(), trades=()) for o in week.accounts),
    )
    notices = (
        "CHATGPT was not marked: its venue was away from 09:30 to 16:00.",
        "No price was marked in the week of 18 November 2026.",
    )
    results = results_over(
        (bare,), until_at=week.marks[-1].at, exposure=None, gaps={}, notices=notices
    )
    return make_postmortem_material(1, results=results)


def hostile() -> PostmortemMaterial:
    """Return a week whose texts mean no good, or are too long, or run from right to left."""
    plain = make_postmortem_material(1)
    ids = (_event("order"),)
    said = [SCRIPT, IMAGE, RTL, UNBROKEN, "# A heading? 1. A list? - [ ] a task & &lt;b&gt;"]
    text = Postmortem(
        **{
            **make_text(plain.week_id, "COUNCIL").model_dump(),
            "model": f"vendor/<b>{'m' * 80}",
            "claims": tuple(Claim(text=one, evidence=ids) for one in said),
        }
    )
    lessons = (Standfast(_lesson("x"), f"{IMAGE} {RTL}", plain.week_id, 1, 1),)
    standing = Standing("live", "simulated", (SCRIPT, f"{UNBROKEN} is not set."))
    evidence = {ids[0]: f"{SCRIPT} {RTL}"}
    return replace(plain, postmortem=text, lessons=lessons, standing=standing, evidence=evidence)


def numbers_of(results: Results, week_id: str) -> WeekNumbers:
    lines = results.by_week[week_id]
    gaps = {gap.account: gap for gap in results.gaps.get(week_id, ())}
    names = AccountNumbers.model_fields
    return WeekNumbers(
        until_at=results.until_at,
        accounts=tuple(
            AccountNumbers(
                dividends_usd=gaps[line.account].dividends_usd if gaps else Decimal(0),
                borrow_usd=gaps[line.account].borrow_usd if gaps else Decimal(0),
                **{name: getattr(line, name) for name in names if hasattr(line, name)},
            )
            for line in lines
        ),
        books=tuple(
            BookNumbers(book=b.kind.value, account=b.account, net_return=b.returns.get(week_id))
            for b in results.books
        ),
        notices=results.notices,
    )


def make_text(week_id: str, chairman: str) -> Postmortem:
    order, look, pitch = _event("order"), _event("look"), _event("pitch")
    return Postmortem(
        week_id=week_id,
        account=chairman,
        model="rehearsal/chairman",
        written_at=drawn_weeks(1)[0].marks[-1].at + timedelta(hours=1),
        claims=(
            Claim(
                text="The week's gain came from one short, and it was made in the first session.",
                evidence=(order, look),
            ),
            Claim(
                text="The exit at noon on Friday followed no rule: the frozen RSI stood at 41, "
                "and the price came back by the close.",
                evidence=(look,),
            ),
            Claim(
                text="Two managers pitched the same duration bet under different names.",
                evidence=(pitch,),
            ),
        ),
        lessons=(
            Lesson(
                text="Where two pitches share duration, size the pair as one bet.",
                evidence=(pitch, order),
                lesson_id=_lesson("pair"),
            ),
        ),
        confirmed=(Confirmation(lesson_id=_lesson("stay"), evidence=(look,)),),
        dropped=2,
    )


def _lessons(week_id: str, count: int) -> tuple[Standfast, ...]:
    own = Standfast(
        _lesson("pair"),
        "Where two pitches share duration, size the pair as one bet.",
        week_id,
        0,
        1,
    )
    if count == 1:
        return (own,)
    stay = "A conviction of one step is no reason to leave before a frozen indicator crosses."
    earlier = drawn_weeks(count)[-5].week_id
    return (Standfast(_lesson("stay"), stay, earlier, 4, 3), own)


def _evidence() -> dict[UUID, str]:
    return {
        _event("order"): "OrderProgressed: COUNCIL sold 312 TLT at $87.05, filled whole",
        _event("look"): "CheckpointTaken: GROQ, Friday 12:00, EXIT decided by the model",
        _event("pitch"): "PitchMade: CLAUDE, SHORT TLT at conviction 1 of 2",
    }


def _by_week(week: Week, accounts: Sequence[str]) -> tuple[AccountResults, ...]:
    return tuple(account_results(name, (week,)) for name in accounts)


def _gaps(accounts: Sequence[str]) -> tuple[PaperGap, ...]:
    return tuple(
        PaperGap(name, Decimal("12.40") * n - 20, Decimal("1.07") * n)
        for n, name in enumerate(accounts)
    )


def _exposure(accounts: Sequence[str]) -> LookThrough:
    first, last = accounts[0], accounts[-1]
    return LookThrough(
        equity_usd=Decimal(100_000) * len(accounts),
        classes=(
            ClassExposure("risk-on equities", Decimal(128_400), Decimal(-50_210)),
            ClassExposure("duration", Decimal(0), Decimal(-75_360)),
            ClassExposure("gold", Decimal(24_800), Decimal(0)),
        ),
        gross=0.46,
        net=0.05,
        duration_years=-2.01,
        dv01_usd=Decimal("-120.58"),
        beta=0.14,
        shared_bets=(
            SharedBet(Bet(first, "SPY", 1), Bet(last, "SPY", 1), 1.0),
            SharedBet(Bet(first, "TLT", -1), Bet(last, "IEF", -1), 0.93),
        ),
        without_beta=("HYG",),
        without_price=(),
    )


CASES: Final[dict[str, Callable[[], PostmortemMaterial]]] = {
    "six accounts over 30 weeks": make_postmortem_material,
    "six accounts in their first week": lambda: make_postmortem_material(1),
    "one manager": lambda: make_postmortem_material(30, LONE),
    "abstained": abstained,
    "unmarked": unmarked,
    "hostile": hostile,
}
"""What every form of a report must stand."""
