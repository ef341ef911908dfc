"""What the tools answer of results: a week's postmortem, and who is ahead over all weeks.

Returns and drawdowns are fractions, `mean_bps` and its bounds basis points a week.
"""

from datetime import datetime

from mcp_server.tools.results import Answer, Line


class NumbersLine(Line):
    """One account's week; what paper leaves out is estimated, and in no other number."""

    account: str
    profit_usd: float | None
    total_return: float | None
    maximum_drawdown: float | None
    turnover: float | None
    exposure: str
    conviction_volatility: float | None
    panic_exits: str
    left_out_by_paper: str


class BookLine(Line):
    """What a shadow book returned in the week."""

    book: str
    net_return: float | None


class StageLine(Line):
    """What a stage of the council added a week, in a word and in basis points with its interval."""

    stage: str
    said: str
    mean_usd: float | None
    mean_bps: float | None
    low_bps: float | None
    high_bps: float | None
    weeks: int
    cases: int


class ClaimLine(Line):
    """What the chairman's model says of the week, and the stored events that it rests on."""

    untrusted_text: str
    evidence: tuple[str, ...]


class LessonLine(Line):
    """A lesson that the next week is shown: how old it is, and how many weeks stand for it."""

    said: str
    since_week: str
    age_weeks: int
    support_weeks: int
    untrusted_text: str


class PostmortemAnswer(Answer):
    """What came of a week; where nothing is written, `state` says why, and `page` is empty."""

    week_id: str
    state: str
    until_at: datetime | None
    accounts: tuple[NumbersLine, ...]
    books: tuple[BookLine, ...]
    stages: tuple[StageLine, ...]
    exposure: str
    notices: tuple[str, ...]
    claims: tuple[ClaimLine, ...]
    lessons: tuple[LessonLine, ...]
    page: str


class LeaderLine(Line):
    """One account or book to date; what paper leaves out is estimated, and in no other number."""

    rank: int | None
    name: str
    kind: str
    total_return: float | None
    profit_usd: float | None
    sharpe: str
    maximum_drawdown: float | None
    weeks_won: str
    turnover: float | None
    panic_exits: str
    left_out_by_paper: str


class ReviewerLine(Line):
    """How well a reviewer's scores foretold results: -1 to 1, and its kill shots that came true."""

    reviewer: str
    rank_ic: str
    kill_shots: str


class CalibrationLine(Line):
    """Whether a manager's convictions mean what they say; a coin's Brier score is 0.25."""

    account: str
    right: str
    brier: float | None
    levels: str


class LeaderboardAnswer(Answer):
    """Who is ahead, what each stage is worth, and who knew."""

    weeks: int
    until_at: datetime
    leaders: tuple[LeaderLine, ...]
    stages: tuple[StageLine, ...]
    reviewers: tuple[ReviewerLine, ...]
    dissents: str
    calibration: tuple[CalibrationLine, ...]
    notices: tuple[str, ...]
