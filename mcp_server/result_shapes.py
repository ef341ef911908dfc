"""The JSON of what came of it: a week's postmortem, and the leaderboard over all weeks.

Returns, drawdowns and shares are fractions. Null stands for what too few marks cannot tell, never
for 0.
"""

from datetime import datetime
from typing import Literal

from mcp_server.shapes import Shape

PostmortemState = Literal["not_started", "running", "missing", "written", "abstained"]
Said = Literal["new", "confirmed", "earlier"]


class AccountNumbersShape(Shape):
    """How one account did in the week; dividends and borrow fees are estimates, in no sum."""

    account: str
    profit_usd: float | None
    time_weighted_return: float | None
    maximum_drawdown: float | None
    turnover: float | None
    conviction_volatility: float | None
    panic_exits: int
    panic_cost_usd: float
    gross_exposure: float | None
    net_exposure: float | None
    dividends_usd: float
    borrow_usd: float


class BookNumbersShape(Shape):
    """What a shadow book returned in the week after costs; `account` is that of a pitch book."""

    book: str
    account: str | None
    net_return: float | None


class ClaimShape(Shape):
    """What the chairman says, with the ids of the stored events that it rests on."""

    text: str
    evidence: tuple[str, ...]


class LessonShape(Shape):
    """A lesson in force after the week: its age, 0 for a new one, and how many weeks support it.

    `said` tells whether this week wrote it, confirmed it, or only left it in force.
    """

    lesson_id: str
    text: str
    said: Said
    since_week: str
    age_weeks: int
    support_weeks: int


class StageShape(Shape):
    """What a stage added a week, with its 95 % interval; all null for too few weeks.

    `weeks` are those in which it could be measured, `telling_weeks` those in which it made a
    difference, of which `needed_weeks` are needed; `cases` counts the differences.
    """

    stage: str
    weeks: int
    telling_weeks: int
    needed_weeks: int
    cases: int
    mean_usd: float | None
    low_usd: float | None
    high_usd: float | None
    mean_bps: float | None
    low_bps: float | None
    high_bps: float | None
    certain: bool
    """Whether the whole interval in basis points is on one side of zero."""


class ClassExposureShape(Shape):
    """One asset class over all accounts; `short_usd` is zero or negative."""

    asset_class: str
    long_usd: float
    short_usd: float


class ExposureShape(Shape):
    """All accounts as one at the newest marks: shares of their equity together.

    `duration_years` says by how many percent the whole falls where interest rates rise by a point,
    `dv01_usd` what a basis point costs, `beta` how far it moves with SPY.
    """

    gross: float | None
    net: float | None
    duration_years: float | None
    dv01_usd: float
    beta: float | None
    classes: tuple[ClassExposureShape, ...]
    shared_bets: tuple[str, ...]


class PostmortemShape(Shape):
    """A week's postmortem as it is stored; without one `state` says why, and the rest is empty.

    The numbers never change; the stages are those of all weeks up to `until_at`.
    """

    week_id: str
    mode: str
    venue: str
    degraded: tuple[str, ...]
    state: PostmortemState
    ends_at: datetime
    """When the week is over."""
    account: str | None
    model: str | None
    written_at: datetime | None
    until_at: datetime | None
    """Until when prices and equity were marked that the numbers stand on."""
    answer: str
    """Who led, how the council compares, and whether review and chairman are worth it."""
    accounts: tuple[AccountNumbersShape, ...]
    books: tuple[BookNumbersShape, ...]
    claims: tuple[ClaimShape, ...]
    lessons: tuple[LessonShape, ...]
    """Those in force, the best supported first."""
    dropped: int
    """What the chairman said without any evidence: it was left out."""
    abstention: str | None
    stages: tuple[StageShape, ...]
    exposure: ExposureShape | None
    notices: tuple[str, ...]


class LeaderShape(Shape):
    """One account, or one book that nobody traded (`kind` "book"), to date.

    `rank` is null without a return. What stands behind `cases` is null for a book. Dividends and
    borrow fees are estimates of what paper leaves out, and in no other number.
    """

    rank: int | None
    name: str
    kind: Literal["account", "book"]
    weeks: int
    total_return: float | None
    profit_usd: float | None
    sharpe: float | None
    sharpe_error: float | None
    maximum_drawdown: float | None
    hits: int
    cases: int
    turnover: float | None
    panic_exits: int | None
    panic_cost_usd: float | None
    dividends_usd: float | None
    borrow_usd: float | None


class ReviewerShape(Shape):
    """How a reviewer's scores foretold results (null: all together): rank correlation a week.

    Means are null for too few weeks: `weeks` of `needed_weeks`. Kill shots are the pitches that it
    marked down hardest; those came true that lost.
    """

    reviewer: str | None
    weeks: int
    needed_weeks: int
    rank_ic: float | None
    low: float | None
    high: float | None
    kill_shots: int
    kill_shots_true: int


class DissentShape(Shape):
    """How often pitches of one manager (null: of all) that were overruled beat the decision."""

    account: str | None
    right: int
    cases: int


class LevelShape(Shape):
    """All pitches of one strength of conviction, and how often they claim to be right.

    `agrees` tells whether the hits bear that out, within their interval; null without pitches.
    """

    strength: float
    claimed: float
    hits: int
    cases: int
    mean_return: float | None
    agrees: bool | None


class CalibrationShape(Shape):
    """Whether convictions mean what they say: `brier` is 0.25 for a coin, lower is better."""

    account: str
    hits: int
    cases: int
    mean_return: float | None
    brier: float | None
    levels: tuple[LevelShape, ...]


class LeaderboardShape(Shape):
    """Who is ahead over all weeks, what each stage is worth, and who knew what."""

    mode: str
    venue: str
    degraded: tuple[str, ...]
    until_at: datetime
    answer: str
    """Who leads, how the council compares, and whether review and chairman are worth it."""
    weeks: tuple[str, ...]
    leaders: tuple[LeaderShape, ...]
    """Best return to date first."""
    stages: tuple[StageShape, ...]
    reviewers: tuple[ReviewerShape, ...]
    dissents: tuple[DissentShape, ...]
    calibrations: tuple[CalibrationShape, ...]
    exposure: ExposureShape | None
    notices: tuple[str, ...]
