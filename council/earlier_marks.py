"""What is marked already: at the slot that is about to be marked, and last of each account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from config.clock import NEW_YORK
from council.codec import to_fact
from council.ports import Deps
from council.result_facts import HeldPosition, PricesMarked
from council.slots import week_of

_LONGEST_BREAK: Final = timedelta(days=14)
"""No calendar leaves more days than these without a session."""


@dataclass(frozen=True, slots=True)
class EarlierMark:
    """When an account was marked, and what it held then."""

    marked_at: datetime
    positions: tuple[HeldPosition, ...] = ()


@dataclass(frozen=True, slots=True)
class SlotMarks:
    """The marks of one slot of a session: whose are stored, and the `before` of all others."""

    session_on: date
    slot: str
    has_prices: bool
    accounts: frozenset[str]
    before: Mapping[str, EarlierMark]

    @property
    def week_id(self) -> str:
        """Return the week that the marks belong to."""
        return week_of(self.session_on)


async def read_marks(session_on: date, slot: str, accounts: Sequence[str], deps: Deps) -> SlotMarks:
    """Return what is stored of `slot`, and of `accounts` the newest mark of all.

    What is found is remembered as marked.
    """
    rows = [row for day in _days_of(session_on, deps) for row in await _rows(day, deps)]
    of_slot = (row for row in rows if (row["session_on"], row["slot"]) == (session_on, slot))
    marked = frozenset(row["account_id"] for row in of_slot)
    has_prices = await _has_prices(session_on, slot, deps, likely=bool(marked))
    known = (*marked, None) if has_prices else marked
    deps.remembered.keep_marked((session_on, slot, name) for name in known)
    missing = [name for name in accounts if name not in marked]
    before = await _newest(missing, session_on, rows, deps=deps)
    return SlotMarks(session_on, slot, has_prices, marked, before)


def _days_of(session_on: date, deps: Deps) -> tuple[date, ...]:
    """Return the session's day, and today where its close is marked as late as that."""
    today = deps.clock.now().astimezone(NEW_YORK).date()
    return tuple(sorted({session_on, today}))


async def _rows(session_on: date, deps: Deps) -> Sequence[Mapping[str, Any]]:
    where = {"week_id": week_of(session_on), "session_on": session_on}
    return await deps.store.rows("equity_marks", where=where)


async def _has_prices(session_on: date, slot: str, deps: Deps, *, likely: bool) -> bool:
    """Look for the prices only where that is `likely`: an account was marked, and they with it.

    Where they stand alone for once, storing them again changes nothing.
    """
    if not likely or (session_on, slot, None) in deps.remembered.marked:
        return (session_on, slot, None) in deps.remembered.marked
    events = await deps.store.read_stream(f"marks-{week_of(session_on)}")
    facts = [fact for event in events if isinstance(fact := to_fact(event), PricesMarked)]
    deps.remembered.keep_marked((fact.session_on, fact.slot, None) for fact in facts)
    return any((fact.session_on, fact.slot) == (session_on, slot) for fact in facts)


async def _newest(
    accounts: Sequence[str], session_on: date, rows: Sequence[Mapping[str, Any]], *, deps: Deps
) -> dict[str, EarlierMark]:
    """Return each account's newest mark, from `rows` where they hold any, else from older ones."""
    found = _by_account(rows, deps)
    sessions = deps.calendar.between(session_on - _LONGEST_BREAK, session_on - timedelta(days=1))
    if not found.keys() >= set(accounts):
        found = _by_account(await _rows(sessions[-1].session_on, deps), deps) | found
    for name in accounts:
        if name not in found:
            every = await deps.store.rows("equity_marks", where={"account_id": name})
            found |= _by_account(every, deps)
    return {name: found[name] for name in accounts if name in found}


def _by_account(rows: Sequence[Mapping[str, Any]], deps: Deps) -> dict[str, EarlierMark]:
    """Return each account's newest mark at the venue where it trades now."""
    venues = {name: desk.venue.name.value for name, desk in deps.desks.items()}
    here = [row for row in rows if row["venue"] == venues.get(row["account_id"])]
    newest = {row["account_id"]: row for row in sorted(here, key=lambda row: row["marked_at"])}
    return {
        name: EarlierMark(
            row["marked_at"], tuple(map(HeldPosition.model_validate, row["positions"]))
        )
        for name, row in newest.items()
    }
