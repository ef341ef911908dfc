"""The sections on accounts: the week by account, and all weeks to date."""

from decimal import Decimal
from typing import Final

from council.analytics.charts import drawdown_chart, equity_chart
from council.analytics.results import AccountResults
from council.analytics.shadow_books import BookKind
from council.model.postmortem import AccountNumbers
from council.week_results import Results
from mcp_server.reporting import words
from mcp_server.reporting.answers import Returns, date_books, week_books
from mcp_server.reporting.curves import REFERENCES, equity_curves
from mcp_server.reporting.document import Block, Paragraph, Picture, Row, Section, Table
from mcp_server.reporting.material import PostmortemMaterial

_BENCHMARKS: Final = (
    BookKind.MEAN_OF_MANAGERS,
    BookKind.SPY,
    BookKind.SIXTY_FORTY,
    BookKind.FLAT,
)
_WEEK_COLUMNS: Final = (
    "Account",
    "P/L",
    "Return",
    "Drawdown",
    "Turnover",
    "Gross",
    "Net",
    "Conviction ±",
    "Panic exits",
)
_GAIN_COLUMNS: Final = (
    "Account",
    "P/L",
    "Return",
    "Drawdown",
    "Volatility",
    "Sharpe ± s.e.",
    "Sessions",
)
_CONDUCT_COLUMNS: Final = (
    "Account",
    "Weeks won",
    "Turnover",
    "Gross",
    "Net",
    "Conviction ±",
    "Panic exits",
)
_MEANINGS: Final = (
    "Turnover is what was traded as a multiple of the mean equity; gross and net are means over "
    "all marks, of the equity; conviction ± is the deviation of its changes, in steps; a panic "
    "exit is one that no rule and no frozen indicator called for, with what it cost or saved. "
    "Below the line stand shadow books, which nobody traded."
)
_SHARPE_MEANING: Final = (
    "Volatility and Sharpe are a year's and rest on returns from close to close, Sharpe against "
    "cash without interest, with its standard error. Weeks won are of those that gained or lost."
)


def week_section(material: PostmortemMaterial) -> Section:
    """Return the week by account, its benchmarks below."""
    chairman, lines = material.results.chairman, material.numbers.accounts
    ranked = sorted(lines, key=lambda line: _rank(line.time_weighted_return))
    rows = [Row(_week_cells(one), is_strong=one.account == chairman) for one in ranked]
    table = Table(
        "The week by account",
        _WEEK_COLUMNS,
        (*rows, *_benchmarks(week_books(material), len(_WEEK_COLUMNS))),
    )
    return Section("week", "The week", (table, Paragraph(_MEANINGS, is_quiet=True)))


def to_date_section(results: Results) -> Section:
    """Return all weeks to date: curves, gains and risk, conduct."""
    chairman = results.chairman
    ranked = sorted(results.to_date, key=lambda line: _rank(line.time_weighted_return))
    gains = [Row(_gain_cells(one), is_strong=one.account == chairman) for one in ranked]
    conduct = [Row(_conduct_cells(one), is_strong=one.account == chairman) for one in ranked]
    apart = _benchmarks(date_books(results), len(_GAIN_COLUMNS))
    blocks: tuple[Block, ...] = (
        *_curves(results),
        Table("Gain and risk", _GAIN_COLUMNS, (*gains, *apart)),
        Paragraph(_SHARPE_MEANING, is_quiet=True),
        Table("Conduct", _CONDUCT_COLUMNS, tuple(conduct)),
    )
    count = words.counted(len(results.weeks), "week")
    return Section("to-date", f"To date: {count}", blocks)


def _curves(results: Results) -> tuple[Block, ...]:
    curves, foremost = equity_curves(results), results.chairman
    # Cash never falls: its line would only hide the others' at zero.
    falling = {name: curve for name, curve in curves.items() if name != BookKind.FLAT}
    note = (
        f"{results.chairman} is the heavy line; SPY and FLAT, grey, start with its equity. Curves "
        "keep the highest and lowest marks, so the drawdowns are those of the table."
    )
    return (
        Picture(equity_chart(curves, references=REFERENCES, foremost=foremost)),
        Picture(drawdown_chart(falling, references=REFERENCES, foremost=foremost)),
        *((Paragraph(note, is_quiet=True),) if curves else ()),
    )


def _week_cells(line: AccountNumbers) -> tuple[str, ...]:
    return (
        line.account,
        words.usd(line.profit_usd),
        words.percent(line.time_weighted_return),
        words.fall(line.maximum_drawdown),
        words.times(line.turnover),
        words.share(line.gross_exposure),
        words.percent(line.net_exposure, places=0),
        words.plain_number(line.conviction_volatility),
        _panic(line.panic_exits, line.panic_cost_usd),
    )


def _gain_cells(line: AccountResults) -> tuple[str, ...]:
    return (
        line.account,
        words.usd(line.profit_usd),
        words.percent(line.time_weighted_return),
        words.fall(line.maximum_drawdown),
        words.share(line.annual_volatility, places=1),
        words.sharpe(line.sharpe),
        str(line.sessions),
    )


def _conduct_cells(line: AccountResults) -> tuple[str, ...]:
    return (
        line.account,
        words.of(line.hits),
        words.times(line.turnover),
        words.share(line.gross_exposure),
        words.percent(line.net_exposure, places=0),
        words.plain_number(line.conviction_volatility),
        _panic(line.panic_exits, line.panic_cost_usd),
    )


def _benchmarks(books: Returns, columns: int) -> list[Row]:
    empty = ("",) * (columns - 3)
    return [
        Row((words.BOOK_WORDS[kind], "", words.percent(books[kind]), *empty), is_apart=True)
        for kind in _BENCHMARKS
        if kind in books
    ]


def _panic(count: int, cost_usd: Decimal) -> str:
    if not count:
        return "0"
    word = "saved" if cost_usd < 0 else "cost"
    return f"{count}, {word} {words.usd(abs(cost_usd), plus=False)}"


def _rank(gained: float | None) -> tuple[bool, float]:
    """Sort by gain, the highest first and what is not known last."""
    return gained is None, -(gained or 0.0)
