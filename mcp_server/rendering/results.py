"""What came of it, for a terminal: a week's postmortem and the leaderboard, good at 80 columns."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from mcp_server.rendering import words
from mcp_server.reporting import words as numbers
from mcp_server.result_shapes import (
    AccountNumbersShape,
    BookNumbersShape,
    CalibrationShape,
    ClaimShape,
    ExposureShape,
    LeaderboardShape,
    LeaderShape,
    LessonShape,
    LevelShape,
    PostmortemShape,
    ReviewerShape,
    StageShape,
)
from mcp_server.result_words import (
    UNCERTAIN,
    book_words,
    dissent_words,
    exposure_words,
    gap_words,
    panic_words,
    rank_ic_words,
    sharpe_words,
    stage_words,
)

_ID_CHARACTERS = 8
"""As much of an event's id as a person needs to find it in `council events`."""
_STAGE_WORDS = {
    "review": "review",
    "chairman": "chairman",
    "chairman_over_majority": "over majority",
    "veto": "your vetoes",
    "checkpoints": "checkpoints",
    "approval_delay": "approval delay",
}


def show_postmortem(console: Console, shape: PostmortemShape) -> None:
    """Show the numbers of a week first, then what the chairman's model reads in them."""
    words.header(
        console,
        f"Postmortem of week {shape.week_id}",
        mode=shape.mode,
        venue=shape.venue,
        degraded=shape.degraded,
    )
    console.print(Text(shape.answer))
    _show_accounts(console, shape.accounts)
    _show_books(console, shape.books)
    _show_stages(console, shape.stages)
    _show_exposure(console, shape.exposure)
    _show_claims(console, shape)
    _show_lessons(console, shape.lessons)
    _show_notices(console, shape.notices)


def show_leaderboard(console: Console, shape: LeaderboardShape) -> None:
    """Show who is ahead, what the stages are worth, and who knew."""
    count = f"{len(shape.weeks)} week{'' if len(shape.weeks) == 1 else 's'}"
    words.header(
        console,
        f"Leaderboard, {count}",
        mode=shape.mode,
        venue=shape.venue,
        degraded=shape.degraded,
    )
    console.print(Text(shape.answer))
    _show_leaders(console, shape.leaders)
    _show_stages(console, shape.stages)
    _show_reviewers(console, shape.reviewers)
    if shape.reviewers:
        console.print(Text(dissent_words(shape.dissents)))
    _show_calibrations(console, shape.calibrations)
    _show_exposure(console, shape.exposure)
    _show_notices(console, shape.notices)


def _show_accounts(console: Console, accounts: Sequence[AccountNumbersShape]) -> None:
    words.heading(console, "The week by account")
    columns = ("P/L", "return", "drawdown", "turnover", "gross", "net")
    built = words.table("account", *columns, "panic exits", right=columns)
    for own in accounts:
        built.add_row(
            own.account,
            _usd(own.profit_usd),
            _gain(own.time_weighted_return),
            numbers.fall(own.maximum_drawdown),
            numbers.times(own.turnover),
            numbers.share(own.gross_exposure),
            numbers.percent(own.net_exposure, places=0),
            panic_words(own.panic_exits, own.panic_cost_usd),
        )
    console.print(built)
    _show_gaps(console, [(own.account, own.dividends_usd, own.borrow_usd) for own in accounts])


def _show_gaps(console: Console, gaps: Sequence[tuple[str, float | None, float | None]]) -> None:
    """Say what paper leaves out (account, dividends, borrow fees), where it leaves out anything."""
    parts = [
        f"{name} {gap_words(dividends or 0.0, borrow or 0.0)}"
        for name, dividends, borrow in gaps
        if dividends or borrow
    ]
    if parts:
        said = f"Left out by paper, estimated and in no number above: {'; '.join(parts)}."
        console.print(Text(said, style="dim"))


def _show_books(console: Console, books: Sequence[BookNumbersShape]) -> None:
    if not books:
        return
    words.heading(console, "What nobody traded, after costs")
    built = words.table("shadow book", "return", right=("return",))
    for book in sorted(books, key=lambda one: (one.net_return is None, -(one.net_return or 0))):
        built.add_row(book_words(book.book, book.account), _gain(book.net_return))
    console.print(built)


def _show_stages(console: Console, stages: Sequence[StageShape]) -> None:
    if not stages:
        return
    words.heading(console, "What each stage was worth a week")
    columns = ("USD", "bp", "cases")
    built = words.table("stage", *columns, "95 % interval, bp", "", right=columns)
    for value in stages:
        built.add_row(
            _STAGE_WORDS.get(value.stage, value.stage),
            _usd(value.mean_usd),
            numbers.plain_number(value.mean_bps, places=1, plus=True),
            f"{value.cases}",
            *_judged(value),
        )
    console.print(built)
    if any(stage_words(value) == UNCERTAIN for value in stages):
        console.print(Text("Uncertain is what has zero within its interval.", style="dim"))


def _judged(value: StageShape) -> tuple[str, str]:
    """Return the interval and what it says; or in its place how many weeks are missing."""
    if value.low_bps is None or value.high_bps is None:
        return stage_words(value), ""
    low, high = (
        numbers.plain_number(bound, places=1, plus=True)
        for bound in (value.low_bps, value.high_bps)
    )
    return f"{low} to {high}", stage_words(value)


def _show_exposure(console: Console, found: ExposureShape | None) -> None:
    if found is None:
        return
    words.heading(console, "All accounts as one")
    console.print(Text(exposure_words(found)))
    for bet in found.shared_bets:
        console.print(Padding(Text(f"- {bet}"), (0, 0, 0, 2)))
    columns = ("long", "short")
    built = words.table("asset class", *columns, right=columns)
    for line in found.classes:
        built.add_row(
            line.asset_class, numbers.usd(line.long_usd, plus=False), numbers.usd(line.short_usd)
        )
    if found.classes:
        console.print(built)


def _show_claims(console: Console, shape: PostmortemShape) -> None:
    words.heading(console, "What the chairman's model reads in it")
    if shape.state == "abstained":
        console.print(Text(f"No valid text came: {shape.abstention}", style="yellow"))
        return
    console.print(Text(f"{shape.model} for {shape.account}", style="dim"))
    for claim in shape.claims:
        console.print(Padding(_claim(claim), (0, 0, 0, 2)))
    if shape.dropped:
        said = f"{shape.dropped} more were left out: no event that was shown bears them out."
        console.print(Text(said, style="dim"))


def _claim(claim: ClaimShape) -> Text:
    ids = ", ".join(event_id[:_ID_CHARACTERS] for event_id in claim.evidence)
    return Text.assemble("- ", claim.text, (f"  [{ids}]", "dim"))


def _show_lessons(console: Console, lessons: Sequence[LessonShape]) -> None:
    if not lessons:
        return
    words.heading(console, "Lessons that the next week is shown")
    built = words.table("age", "weeks for it", "", "lesson", right=("age", "weeks for it"))
    for lesson in lessons:
        said = Text(lesson.said, style="green" if lesson.said != "earlier" else "dim")
        built.add_row(f"{lesson.age_weeks} w", f"{lesson.support_weeks}", said, lesson.text)
    console.print(built)


def _show_leaders(console: Console, leaders: Sequence[LeaderShape]) -> None:
    words.heading(console, "To date")
    columns = ("return", "Sharpe ± s.e.", "drawdown", "won", "panic exits")
    built = words.table("#", "account", *columns, right=("#", *columns))
    for own in leaders:
        built.add_row(
            "" if own.rank is None else f"{own.rank}",
            _leader_name(own),
            _gain(own.total_return),
            sharpe_words(own),
            numbers.fall(own.maximum_drawdown),
            f"{own.hits}/{own.cases}",
            numbers.NONE if own.panic_exits is None else f"{own.panic_exits}",
        )
    console.print(built)
    for own in leaders:
        if own.kind == "account":
            console.print(Text(_conduct(own), style="dim"))
    _show_gaps(console, [(own.name, own.dividends_usd, own.borrow_usd) for own in leaders])


def _leader_name(own: LeaderShape) -> Text:
    if own.kind == "account":
        return Text(own.name, style="bold")
    return Text(book_words(own.name, None), style="dim")


def _conduct(own: LeaderShape) -> str:
    """Say below the table what it has no room for."""
    traded = f"turnover {numbers.times(own.turnover)}"
    exits = panic_words(own.panic_exits, own.panic_cost_usd)
    return f"{own.name}: P/L {numbers.usd(own.profit_usd)}, {traded}, panic exits {exits}"


def _show_reviewers(console: Console, reviewers: Sequence[ReviewerShape]) -> None:
    if not reviewers:
        return
    words.heading(console, "Reviewers: did their scores foretell results? (rank IC, -1 to 1)")
    built = words.table("reviewer", "rank IC", "kill shots that came true")
    for own in reviewers:
        shots = f"{own.kill_shots_true} of {own.kill_shots}"
        built.add_row(own.reviewer or "all together", rank_ic_words(own), shots)
    console.print(built)


def _show_calibrations(console: Console, calibrations: Sequence[CalibrationShape]) -> None:
    known = [own for own in calibrations if own.cases]
    if not known:
        return
    words.heading(console, "Convictions: right as often as they claim? (Brier of a coin: 0.25)")
    strengths = [f"{level.strength:g} ({level.claimed:.0%})" for level in known[0].levels]
    columns = ("right", "Brier", *strengths)
    built = words.table("manager", *columns, right=columns)
    for own in known:
        right = f"{own.hits}/{own.cases}"
        brier = numbers.plain_number(own.brier, places=3)
        built.add_row(own.account, right, brier, *map(_level, own.levels))
    console.print(built)


def _level(level: LevelShape) -> Text:
    """Show in red what does not bear its claim out."""
    if not level.cases:
        return Text(numbers.NONE, style="dim")
    borne_out = level.agrees is not False
    return Text(
        f"{level.hits}/{level.cases}{'' if borne_out else ' !'}", style="" if borne_out else "red"
    )


def _show_notices(console: Console, notices: Sequence[str]) -> None:
    if not notices:
        return
    words.heading(console, "What is missing")
    for notice in notices:
        console.print(Padding(Text(f"- {notice}", style="dim"), (0, 0, 0, 2)))


def _usd(value: float | None) -> Text:
    """Show a gain or loss in US dollars in its colour."""
    style = "dim" if not value else "green" if value > 0 else "red"
    return Text(numbers.usd(value), style=style)


def _gain(fraction: float | None) -> Text:
    """Show a return in its colour."""
    said = numbers.percent(fraction)
    if not fraction:
        return Text(said, style="dim")
    return Text(said, style="green" if fraction > 0 else "red")
