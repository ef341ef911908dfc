"""The sections on what all accounts hold together, and on what a paper venue leaves out."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from council.analytics.lens import ClassExposure, LookThrough
from council.week_results import PaperGap, Results
from mcp_server.exposure_words import bet_words
from mcp_server.reporting import words
from mcp_server.reporting.document import Block, Listing, Paragraph, Row, Section, Table

_COLUMNS: Final = ("Class", "Long", "Short", "Net", "Of equity")
_GAP_COLUMNS: Final = ("Account", "Dividends", "Borrow fees", "Dividends to date", "Fees to date")
_GAP_NOTE: Final = (
    "Estimates, and in no other number of this report: what a paper venue neither pays nor charges."
)


def exposure_section(results: Results) -> Section:
    """Return the look through all accounts at the newest marks."""
    seen = results.exposure
    if seen is None:
        nothing = Paragraph("No account's positions have been marked yet.")
        return Section("exposure", "All accounts together", (nothing,))
    rows = tuple(Row(_class_cells(line, seen)) for line in seen.classes)
    classes: tuple[Block, ...] = (Table("By asset class", _COLUMNS, rows),) if rows else ()
    blocks = (Paragraph(_totals(seen)), *classes, Listing(_bets(seen)))
    return Section("exposure", "All accounts together", blocks)


def gaps_section(results: Results, week_id: str | None = None) -> Section | None:
    """Return what paper left out to date, and in the week where one is named; None for nothing."""
    to_date = _sums([gap for week in results.gaps.values() for gap in week])
    if not to_date:
        return None
    this_week = None if week_id is None else _sums(results.gaps.get(week_id, ()))
    rows = tuple(
        Row((name, *(() if this_week is None else _pair(this_week.get(name))), *_pair(gap)))
        for name in results.accounts
        if (gap := to_date.get(name))
    )
    columns = _GAP_COLUMNS if week_id else (_GAP_COLUMNS[0], *_GAP_COLUMNS[3:])
    table = Table("Estimated, in US dollars", columns, rows)
    note = Paragraph(_GAP_NOTE, is_quiet=True)
    return Section("gaps", "What paper leaves out", (note, table))


def _totals(seen: LookThrough) -> str:
    return (
        f"{words.usd(seen.equity_usd, plus=False)} of equity, {words.share(seen.gross)} gross and "
        f"{words.percent(seen.net, places=0)} net; beta to SPY "
        f"{words.plain_number(seen.beta, plus=True)}; "
        f"{words.duration(seen.duration_years, seen.dv01_usd)}."
    )


def _class_cells(line: ClassExposure, seen: LookThrough) -> tuple[str, ...]:
    of_equity = float(line.net_usd / seen.equity_usd) if seen.equity_usd > 0 else None
    return (
        line.asset_class,
        words.usd(line.long_usd, plus=False),
        words.usd(line.short_usd),
        words.usd(line.net_usd),
        words.percent(of_equity, places=0),
    )


def _bets(seen: LookThrough) -> tuple[str, ...]:
    shared = bet_words(seen.shared_bets) or ("No two accounts share a bet",)
    unpriced = [f"Counted nowhere, without a price: {', '.join(seen.without_price)}."]
    unknown = [f"Not in the beta, too little is known: {', '.join(seen.without_beta)}."]
    return (
        *(f"{bet}." for bet in shared),
        *(unpriced if seen.without_price else ()),
        *(unknown if seen.without_beta else ()),
    )


def _sums(gaps: Sequence[PaperGap]) -> dict[str, tuple[Decimal, Decimal]]:
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for gap in gaps:
        dividends, borrow = found.get(gap.account, (Decimal(0), Decimal(0)))
        found[gap.account] = (dividends + gap.dividends_usd, borrow + gap.borrow_usd)
    return found


def _pair(gap: tuple[Decimal, Decimal] | None) -> tuple[str, str]:
    if gap is None:
        return words.NONE, words.NONE
    # A fee is money gone; what is stored of it has no sign.
    return words.usd(gap[0], cents=True), words.usd(-gap[1], cents=True)
