"""Who is ahead: accounts beside the books that everybody must beat, by return to date. Pure.

A book is measured as an account is: daily from close to close, its drawdown between closes too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

from council.analytics.inputs import Moment, Week
from council.analytics.metrics import Sharpe, maximum_drawdown, returns_of, sharpe
from council.analytics.proportions import Proportion, proportion_of
from council.analytics.results import AccountResults
from council.analytics.shadow_books import Book, BookKind

BENCHMARKS: Final = (BookKind.MEAN_OF_MANAGERS, BookKind.SPY, BookKind.FLAT)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One account or book to date; fractions, None for what cannot be told.

    `rank` counts from 1 and is None without a return. Of books nothing is told of profit, turnover
    and exits: nobody traded them.
    """

    rank: int | None
    name: str
    account: AccountResults | None
    """None of a book."""
    weeks: int
    total_return: float | None
    sharpe: Sharpe | None
    maximum_drawdown: float | None
    hits: Proportion


def ranking(
    accounts: Sequence[AccountResults],
    books: Sequence[Book],
    weeks: Sequence[Week],
    *,
    kinds: Sequence[BookKind] = BENCHMARKS,
) -> tuple[Ranked, ...]:
    """Return the accounts and the books of `kinds`, best return first, those without one last."""
    lines = [_account(own) for own in accounts]
    lines += [_book(book, weeks) for kind in kinds for book in books if book.kind is kind]
    return tuple(_in_order(lines))


def _in_order(lines: Iterable[Ranked]) -> Iterator[Ranked]:
    best_first = sorted(
        lines, key=lambda line: (line.total_return is None, -(line.total_return or 0.0))
    )
    for place, line in enumerate(best_first, start=1):
        yield line if line.total_return is None else replace(line, rank=place)


def _account(own: AccountResults) -> Ranked:
    return Ranked(
        rank=None,
        name=own.account,
        account=own,
        weeks=len(own.weeks),
        total_return=own.time_weighted_return,
        sharpe=own.sharpe,
        maximum_drawdown=own.maximum_drawdown,
        hits=own.hits,
    )


def _book(book: Book, weeks: Sequence[Week]) -> Ranked:
    """Measure the weeks that could be priced; where the others begin the book stands still."""
    returns = book.returns
    series = list(_growth(book, weeks))
    daily = [growth for is_close, growth in series if is_close]
    held = [w for w in book.weeks if w.holdings and w.net_return]
    solvent = all(growth > 0 for _, growth in series)
    return Ranked(
        rank=None,
        name=book.kind.value,
        account=None,
        weeks=len(returns),
        total_return=prod(1.0 + one for one in returns.values()) - 1.0 if returns else None,
        sharpe=sharpe(returns_of([1.0, *daily])) if solvent else None,
        maximum_drawdown=_drawdown([1.0, *(growth for _, growth in series)]) if solvent else None,
        hits=proportion_of([week.net_return > 0 for week in held if week.net_return]),
    )


def _drawdown(growth: Sequence[float]) -> float | None:
    return maximum_drawdown(returns_of(growth)) if len(growth) > 1 else None


def _growth(book: Book, weeks: Sequence[Week]) -> Iterator[tuple[bool, float]]:
    """Yield at every mark of the priced weeks whether it is a close, and the growth until then."""
    closes = {m.at for week in weeks for m in week.marks if m.moment is Moment.CLOSE}
    start = 1.0
    for week in book.weeks:
        if week.net_return is None:
            continue
        for at, growth in week.path:
            yield at in closes, start * growth
        start *= 1.0 + week.net_return
