"""What is missing in the numbers, one sentence each: pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final

from config.clock import NEW_YORK
from council.analytics.inputs import AccountWeek, Moment, Week
from council.analytics.outcomes import is_over
from council.analytics.shadow_books import Book, BookKind
from council.result_facts import EquityMarked

_NAMES: Final = MappingProxyType(
    {kind: kind.value.replace("_", " ") for kind in BookKind} | {BookKind.SIXTY_FORTY: "60/40"}
)


def unpriced_books(books: Sequence[Book]) -> Mapping[str, Sequence[str]]:
    """Return the names of the books that lack a price, by week."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for book in books:
        name = f"{_NAMES[book.kind]} of {book.account}" if book.account else _NAMES[book.kind]
        for line in book.weeks:
            if line.net_return is None:
                found[line.week_id].append(name)
    return found


def week_notices(week: Week, unpriced: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return what is missing in the week, the accounts in their order; see `unpriced_books`."""
    return (*week.once("notices", partial(_own_notices, week)), *_book_notices(week, unpriced))


def _own_notices(week: Week) -> tuple[str, ...]:
    accounts = (notice for own in week.accounts for notice in _account_notices(week, own))
    return (*_price_notices(week), *accounts)


def unmarked_notice(week_id: str) -> str:
    """Say that a week began and has no numbers."""
    return f"Week {week_id} began and was never marked in a session: it is in no number."


def venue_notice(marks: Sequence[EquityMarked]) -> tuple[str, ...]:
    """Say that accounts trade at several venues, where they do by `marks`, one an account."""
    places: dict[str, list[str]] = {}
    for mark in marks:
        places.setdefault(mark.venue, []).append(mark.account)
    if len(places) < 2:  # noqa: PLR2004 - two are several
        return ()
    told = "; ".join(f"{place}: {', '.join(names)}" for place, names in places.items())
    return (
        f"The accounts are at {len(places)} venues ({told}): their fills come from several "
        "markets, the books and stages are priced from one.",
    )


def move_notices(weeks: Sequence[Week]) -> tuple[str, ...]:
    """Say of each account that moved since when its equities are other money."""
    homes: dict[str, str] = {}
    moves: dict[str, list[str]] = {}
    for week, own in ((each, own) for each in weeks for own in each.accounts):
        told = moves.setdefault(own.account, [])
        if not own.marks:
            continue
        if homes.get(own.account, own.home) != own.home:
            told.append(
                f"{own.account} was at another venue or under another number before week "
                f"{week.week_id}: the difference in equity is in no number."
            )
        homes[own.account] = own.home
    return tuple(notice for told in moves.values() for notice in told)


def _price_notices(week: Week) -> Iterator[str]:
    if not week.marks:
        yield f"No prices were marked in week {week.week_id}: no book of it has a return."
    elif not is_over(week):
        newest = _told(week.marks[-1].at)
        yield f"Week {week.week_id} has no end yet: its numbers reach to {newest}."


def _account_notices(week: Week, own: AccountWeek) -> Iterator[str]:
    name, where = own.account, f"week {week.week_id}"
    if not own.marks:
        yield f"{name} was never marked in {where}: nothing is known of its equity."
        return
    if own.marks[0].moment is not Moment.ENTRY:
        yield (
            f"{name} was not marked at the entry of {where}: its numbers begin at "
            f"{_told(own.marks[0].at)}."
        )
    if is_over(week) and not _reaches_end(week, own):
        yield (
            f"{name} was not marked at the end of {where}: its numbers reach to "
            f"{_told(own.marks[-1].at)}."
        )


def _reaches_end(week: Week, own: AccountWeek) -> bool:
    """Whether the account's last mark is the next entry, or the close that ends the week for now.

    Where the close is also the only mark it is the entry, and the week has no end. An account that
    was away at the close may have been marked there the next morning.
    """
    last = own.marks[-1]
    if last.moment is Moment.NEXT_ENTRY:
        return True
    own_on, ended_on = (m.at.astimezone(NEW_YORK).date() for m in (last, week.marks[-1]))
    return last.moment is Moment.CLOSE and own_on >= ended_on


def _told(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York"


def _book_notices(week: Week, unpriced: Mapping[str, Sequence[str]]) -> Iterator[str]:
    missing = unpriced.get(week.week_id, ())
    if missing and week.marks:
        yield f"Prices are missing for these books in week {week.week_id}: {', '.join(missing)}."
