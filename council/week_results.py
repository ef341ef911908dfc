"""What the record says of how it went: weeks read from the store, measured by the analytics.

What finished weeks measured is remembered by the process, and the newest results are until a fact
is stored that belongs to them; then the intervals of stages and reviewers are drawn anew, which is
what most of a reading costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from types import MappingProxyType

from config.schema import Config
from council.analytics.calibration import Calibration, calibrations
from council.analytics.inputs import Week
from council.analytics.lens import LookThrough
from council.analytics.results import AccountResults, account_results
from council.analytics.reviewers import (
    DissentScore,
    ReviewerScore,
    dissent_scores,
    reviewer_scores,
)
from council.analytics.shadow_books import Assumptions, Book, shadow_books
from council.analytics.stage_value import StageValue, stage_values
from council.model.market import MarketSnapshot
from council.model.postmortem import AccountNumbers, BookNumbers, WeekNumbers
from council.ports import Deps
from council.results.assumptions import assumptions_of
from council.results.building import PaperGap, ordered
from council.results.exposure import exposure_of
from council.results.gathering import KnownResults, done
from council.results.notices import (
    move_notices,
    unmarked_notice,
    unpriced_books,
    venue_notice,
    week_notices,
)
from council.results.reading import read_facts, records_of, remembered, unmarked

__all__ = [
    "Measured",
    "PaperGap",
    "Results",
    "read_results",
    "results_of",
    "week_numbers",
]


@dataclass(frozen=True, slots=True)
class Results:
    """All measures over `weeks` (oldest first) as they stood at `until_at`.

    Accounts stand in the order of the configuration, those that it no longer has after them, the
    chairman's last.
    """

    until_at: datetime
    weeks: tuple[Week, ...]
    accounts: tuple[str, ...]
    chairman: str
    to_date: tuple[AccountResults, ...]
    by_week: Mapping[str, tuple[AccountResults, ...]]
    gaps: Mapping[str, tuple[PaperGap, ...]]
    """By week; those of all weeks are their sum."""
    books: tuple[Book, ...]
    stages: tuple[StageValue, ...]
    calibrations: tuple[Calibration, ...]
    reviewers: tuple[ReviewerScore, ...]
    dissents: tuple[DissentScore, ...]
    exposure: LookThrough | None
    """Of what all accounts held at the newest marks; None where nothing was marked."""
    notices: tuple[str, ...]
    """What is missing, one sentence each."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of finished weeks: the accounts by week, and the books over the first weeks."""

    by_week: Mapping[str, tuple[AccountResults, ...]] = field(default_factory=dict)
    books: tuple[Book, ...] = ()


async def read_results(
    deps: Deps,
    *,
    until_at: datetime | None = None,
    last_week: str | None = None,
    in_thread: bool = False,
) -> Results:
    """Return all measures as they stood at `until_at` (aware), by default now; no venue is asked.

    Weeks after `last_week` are left out, but for the entry that ends it. Many weeks take seconds:
    `in_thread` lets other tasks go on meanwhile.

    Raises:
        StoreUnavailable: the database does not answer.
        UnknownFact: a newer version wrote to it.
    """
    until_at = until_at or deps.clock.now()
    async with remembered(deps).turn:
        known = await read_facts(deps, until_at=until_at, in_thread=in_thread)
        latest = known.latest_at(until_at) if last_week is None else None
        if latest is not None:
            return replace(latest, until_at=until_at)
        work = partial(_measured, known, deps, until_at=until_at, last_week=last_week)
        results = await done(work, in_thread=in_thread)
        if last_week is None:
            known.keep_latest(results)
    return results


def _measured(
    known: KnownResults, deps: Deps, *, until_at: datetime, last_week: str | None
) -> Results:
    records = records_of(known, deps, until_at)
    records = tuple(own for own in records if last_week is None or own.week.week_id <= last_week)
    weeks = tuple(record.week for record in records)
    newest = records[-1] if records else None
    results = results_of(
        weeks,
        deps.config,
        until_at=until_at,
        gaps={record.week.week_id: record.gaps for record in records},
        snapshots={r.week.week_id: r.snapshot for r in records if r.snapshot},
        exposure=exposure_of(weeks, newest.newest, deps.config, newest.snapshot)
        if newest
        else None,
        measured=Measured(known.measured, known.books),
    )
    _remember(results.by_week, results.books, known)
    others = [
        unmarked_notice(week_id)
        for week_id in unmarked(known, records, until_at)
        if last_week is None or week_id <= last_week
    ]
    venues = venue_notice(newest.newest) if newest else ()
    return replace(results, notices=(*others, *venues, *results.notices))


def results_of(
    weeks: Sequence[Week],
    config: Config,
    *,
    until_at: datetime,
    gaps: Mapping[str, tuple[PaperGap, ...]] = MappingProxyType({}),
    snapshots: Mapping[str, MarketSnapshot] = MappingProxyType({}),
    exposure: LookThrough | None = None,
    measured: Measured | None = None,
) -> Results:
    """Return all measures of `weeks`, oldest first: pure.

    `gaps` and `snapshots` are by week. `measured` stands for what it covers and is not computed
    again.
    """
    measured = measured or Measured()
    assumptions = assumptions_of(weeks, config, snapshots)
    books = shadow_books(weeks, assumptions, known=_going_on(measured.books, weeks, assumptions))
    accounts, unpriced = _accounts(weeks, config), unpriced_books(books)
    return Results(
        until_at=until_at,
        weeks=tuple(weeks),
        accounts=accounts,
        chairman=config.chairman.nickname,
        to_date=tuple(account_results(name, weeks) for name in accounts),
        by_week=_by_week(weeks, measured.by_week),
        gaps=gaps,
        books=books,
        stages=stage_values(weeks, assumptions, books=books),
        calibrations=calibrations(weeks, assumptions.managers),
        reviewers=reviewer_scores(weeks),
        dissents=dissent_scores(weeks),
        exposure=exposure,
        notices=(
            *move_notices(weeks),
            *(notice for week in weeks for notice in week_notices(week, unpriced)),
        ),
    )


def week_numbers(results: Results, week_id: str) -> WeekNumbers:
    """Return the numbers of one week as a postmortem keeps them; none where it was not marked."""
    week = next((week for week in results.weeks if week.week_id == week_id), None)
    if week is None:
        notices = (unmarked_notice(week_id),)
        return WeekNumbers(until_at=results.until_at, accounts=(), books=(), notices=notices)
    gaps = results.gaps.get(week_id, ())
    return WeekNumbers(
        until_at=results.until_at,
        accounts=tuple(_account_numbers(own, gaps) for own in results.by_week[week_id]),
        books=tuple(
            BookNumbers(book=book.kind.value, account=book.account, net_return=line.net_return)
            for book in results.books
            for line in book.weeks
            if line.week_id == week_id
        ),
        notices=week_notices(week, unpriced_books(results.books)),
    )


def _accounts(weeks: Sequence[Week], config: Config) -> tuple[str, ...]:
    configured = [account.nickname for account in config.accounts]
    return ordered((*configured, *(own.account for week in weeks for own in week.accounts)), config)


def _by_week(
    weeks: Sequence[Week], known: Mapping[str, tuple[AccountResults, ...]]
) -> dict[str, tuple[AccountResults, ...]]:
    return {
        week.week_id: known.get(week.week_id)
        or tuple(account_results(own.account, [week]) for own in week.accounts)
        for week in weeks
    }


def _going_on(
    books: tuple[Book, ...], weeks: Sequence[Week], assumptions: Assumptions
) -> tuple[Book, ...]:
    """Return `books` where they are those of the first weeks and the same managers, else none."""
    managers = [book.account for book in books if book.account]
    priced = [line.week_id for line in books[0].weeks] if books else []
    same = priced == [week.week_id for week in weeks[: len(priced)]]
    return books if same and tuple(managers) == assumptions.managers else ()


def _remember(
    by_week: Mapping[str, tuple[AccountResults, ...]], books: Sequence[Book], known: KnownResults
) -> None:
    """Keep what finished weeks measured; these are the first ones."""
    count = len(known.finished)
    known.measured = {week_id: by_week[week_id] for week_id in known.finished if week_id in by_week}
    known.books = tuple(replace(book, weeks=book.weeks[:count]) for book in books)


def _account_numbers(own: AccountResults, gaps: Sequence[PaperGap]) -> AccountNumbers:
    gap = next((gap for gap in gaps if gap.account == own.account), None)
    return AccountNumbers(
        account=own.account,
        profit_usd=own.profit_usd,
        time_weighted_return=own.time_weighted_return,
        maximum_drawdown=own.maximum_drawdown,
        turnover=own.turnover,
        conviction_volatility=own.conviction_volatility,
        panic_exits=own.panic_exits,
        panic_cost_usd=own.panic_cost_usd,
        gross_exposure=own.gross_exposure,
        net_exposure=own.net_exposure,
        dividends_usd=gap.dividends_usd if gap else Decimal(0),
        borrow_usd=gap.borrow_usd if gap else Decimal(0),
    )
