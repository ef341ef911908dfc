"""The sections on what the council adds: the value of each stage, and the shadow books."""

from typing import Final

from council.analytics.charts import value_bars
from council.analytics.resampling import Estimate, NotEnoughWeeks
from council.analytics.shadow_books import Book, BookKind
from council.analytics.stage_value import Stage, StageValue
from council.model.postmortem import WeekNumbers
from council.week_results import Results
from mcp_server.reporting import words
from mcp_server.reporting.curves import to_date_return
from mcp_server.reporting.document import Block, Paragraph, Picture, Row, Section, Table

_NAMES: Final = {
    Stage.REVIEW: "Review",
    Stage.CHAIRMAN: "Chairman",
    Stage.CHAIRMAN_OVER_MAJORITY: "Chairman over majority",
    Stage.VETO: "Your veto",
    Stage.CHECKPOINTS: "Checkpoints",
    Stage.APPROVAL_DELAY: "Approval delay",
}
_QUESTIONS: Final = {
    Stage.REVIEW: "best-reviewed pitch less the managers' mean",
    Stage.CHAIRMAN: "decision less the best-reviewed pitch",
    Stage.CHAIRMAN_OVER_MAJORITY: "decision less what most pitches said, without any review",
    Stage.VETO: "what was rejected or left to expire, had it been traded, with its sign turned",
    Stage.CHECKPOINTS: "what checkpoints changed less what was held before",
    Stage.APPROVAL_DELAY: "fills less the prices when the trades were proposed",
}
_MOST_WEEKS: Final = 520
"""Ten years: a longer wait need not be told to the week."""
_COLUMNS: Final = (
    "Stage",
    "A week, USD",
    "A week, bp",
    "Weeks",
    "Cases",
    "Weeks to tell",
    "Verdict",
)
_BOOK_COLUMNS: Final = ("Shadow book", "This week", "To date", "Weeks priced")
_CASES: Final = (
    "Cases are the trades, or the weeks, in which the stage made a difference; weeks to tell, in "
    "how many weeks in all a mean like this one would stand out from zero."
)
_BASE: Final = (
    "Basis points are of the equity at the week's start: the council's for review and chairman, "
    "all accounts together for the rest."
)


def stages_section(results: Results) -> Section:
    """Return what every stage adds a week, in US dollars and basis points."""
    values = results.stages
    estimates = [(_NAMES[one.stage], one.mean_usd) for one in values]
    meaning = "; ".join(f"{_NAMES[one.stage]}: {_QUESTIONS[one.stage]}" for one in values)
    known = any(isinstance(found, Estimate) for _, found in estimates)
    blocks: tuple[Block, ...] = (
        *((Picture(value_bars(estimates)),) if known else ()),
        Table("What each stage adds, mean and 95 % interval", _COLUMNS, _stage_rows(results)),
        Paragraph(f"{meaning}. {_CASES} {_BASE}", is_quiet=True),
    )
    return Section("stages", "Is it worth it: the value of each stage", blocks)


def books_section(results: Results, numbers: WeekNumbers | None = None) -> Section:
    """Return every shadow book, in the week of `numbers` and to date."""
    this_week = (
        {(one.book, one.account): one.net_return for one in numbers.books} if numbers else {}
    )
    columns = _BOOK_COLUMNS if numbers else (_BOOK_COLUMNS[0], *_BOOK_COLUMNS[2:])
    rows = []
    for book in results.books:
        own = (words.percent(this_week.get((book.kind.value, book.account))),) if numbers else ()
        weeks = f"{len(book.returns)} of {len(book.weeks)}"
        rows.append(Row((_name(book), *own, words.percent(to_date_return(book)), weeks)))
    table = Table("Portfolios that nobody traded, after costs", columns, tuple(rows))
    note = "Each is sized and charged like the accounts; returns to date are compounded."
    return Section("books", "Shadow books", (table, Paragraph(note, is_quiet=True)))


def _stage_rows(results: Results) -> tuple[Row, ...]:
    return tuple(Row(_stage_cells(one)) for one in results.stages)


def _stage_cells(value: StageValue) -> tuple[str, ...]:
    counts = str(len(value.weeks)), str(value.cases)
    name, found = _NAMES[value.stage], value.mean_usd
    if isinstance(found, NotEnoughWeeks):
        return name, words.NONE, words.NONE, *counts, words.NONE, words.not_enough(found)
    means = words.interval(found, unit="usd"), words.interval(value.mean_bps, unit="bps")
    return name, *means, *counts, _weeks_to_tell(found), _verdict(found)


def _weeks_to_tell(found: Estimate) -> str:
    """Return how many weeks it takes; of what is not sure yet, more than there are."""
    if found.weeks_to_tell is None:
        return words.NONE
    fewest = 0 if found.is_certain else found.count + 1
    needed = max(found.weeks_to_tell, fewest)
    return str(needed) if needed <= _MOST_WEEKS else f"over {_MOST_WEEKS}"


def _verdict(found: Estimate) -> str:
    if not found.is_certain:
        return "not sure"
    return "adds value" if found.mean > 0 else "costs value"


def _name(book: Book) -> str:
    if book.kind is BookKind.PITCH:
        return f"{book.account}, {words.BOOK_WORDS[book.kind]}"
    return words.BOOK_WORDS[book.kind]
