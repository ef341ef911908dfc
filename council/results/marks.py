"""Where a week begins and ends, and what was marked between: pure.

A week's entry is its first "open" mark on the first session that has marks, else its first mark in
a session. It ends with the entry of the week after, or for now with its last session's close.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeVar

from council.analytics.inputs import EquityMark, Moment, PriceMark
from council.result_facts import EquityMarked, PricesMarked

Marked = PricesMarked | EquityMarked
_Marks = TypeVar("_Marks", bound=Marked)

_OPEN, _CLOSE = "open", "close"
_SESSION_BEGINS: Final = "09:30"
"""New York time; a slot before it has prices at which nothing can be filled."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a week was entered, and when the first of the marks of that slot was taken."""

    session_on: date
    slot: str
    at: datetime


def entry_of(marks: Iterable[Marked]) -> Entry | None:
    """Return where the week with these `marks` was entered, None where no session has any."""
    inside = [mark for mark in marks if _in_session(mark)]
    if not inside:
        return None
    first_on = min(mark.session_on for mark in inside)
    first_day = sorted(
        (mark for mark in inside if mark.session_on == first_on), key=lambda mark: mark.marked_at
    )
    first = next((mark for mark in first_day if mark.slot == _OPEN), first_day[0])
    return Entry(first.session_on, first.slot, first.marked_at)


def since_entry(marks: Iterable[_Marks], entry: Entry) -> list[_Marks]:
    """Return the marks from the `entry` on, in order of time."""
    ordered = sorted(marks, key=lambda mark: mark.marked_at)
    entered_at = next((mark.marked_at for mark in ordered if _is_at(mark, entry)), entry.at)
    return [mark for mark in ordered if mark.marked_at >= entered_at]


def first_in_session(marks: Sequence[_Marks], entry: Entry) -> _Marks | None:
    """Return the first of `marks`, which begin with the `entry`, if it is of its session."""
    return marks[0] if marks and marks[0].session_on == entry.session_on else None


def price_marks(
    own: Sequence[PricesMarked], following: PricesMarked | None, *, ends: bool
) -> tuple[PriceMark, ...]:
    """Return the week's price marks from those since its entry and the `following` entry.

    `ends` says that the newest mark is the close of the week's last session.
    """
    found = [_price_mark(mark, _moment(mark, first=not index)) for index, mark in enumerate(own)]
    if following is not None:
        found.append(_price_mark(following, Moment.NEXT_ENTRY))
    elif ends and len(found) > 1:
        found[-1] = _price_mark(own[-1], Moment.NEXT_ENTRY)
    return tuple(found)


def equity_marks(
    own: Sequence[EquityMarked], following: EquityMarked | None, *, entry: Entry
) -> tuple[EquityMark, ...]:
    """Return an account's marks of the week; its last close stays one, for the daily returns."""
    found = [_equity_mark(mark, _moment(mark, first=_is_at(mark, entry))) for mark in own]
    if following is not None:
        found.append(_equity_mark(following, Moment.NEXT_ENTRY))
    return tuple(found)


def home_of(mark: EquityMarked) -> str:
    """Return where the account was marked: its venue, and its number there."""
    return f"{mark.venue} {mark.account_number}"


def closes_on(marks: Sequence[PricesMarked], last_on: date | None) -> bool:
    """Whether the newest of `marks` is the close of the session of `last_on`."""
    return bool(marks) and (marks[-1].session_on, marks[-1].slot) == (last_on, _CLOSE)


def _in_session(mark: Marked) -> bool:
    return mark.slot in (_OPEN, _CLOSE) or mark.slot >= _SESSION_BEGINS


def _is_at(mark: Marked, entry: Entry) -> bool:
    return (mark.session_on, mark.slot) == (entry.session_on, entry.slot)


def _moment(mark: Marked, *, first: bool) -> Moment:
    if first:
        return Moment.ENTRY
    return Moment.CLOSE if mark.slot == _CLOSE else Moment.SLOT


def _price_mark(mark: PricesMarked, moment: Moment) -> PriceMark:
    return PriceMark(mark.marked_at, moment, mark.prices)


def _equity_mark(mark: EquityMarked, moment: Moment) -> EquityMark:
    values = [held.market_value_usd for held in mark.positions]
    return EquityMark(
        at=mark.marked_at,
        moment=moment,
        equity_usd=mark.equity_usd,
        long_usd=sum((value for value in values if value > 0), Decimal(0)),
        short_usd=sum((value for value in values if value < 0), Decimal(0)),
    )
