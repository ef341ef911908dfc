"""From the store to the weeks' records: every week that began and was marked, oldest first.

Finished weeks are read once in a process; the others are made anew from facts that are read on.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from council.ports import Deps
from council.results.building import (
    Surroundings,
    WeekRecord,
    began,
    newest_close_on,
    record_of,
)
from council.results.gathering import KnownResults
from council.results.trades import Dated

_WEEK: Final = timedelta(days=7)
_TUESDAY, _FRIDAY_OR_MONDAY = 1, (4, 0)
"""As `date.weekday()` counts; after these a holiday may end a week early."""


def remembered(deps: Deps) -> KnownResults:
    """Return what this process remembers of results, at first nothing."""
    if deps.remembered.results is None:
        deps.remembered.results = KnownResults()
    return deps.remembered.results


async def read_facts(deps: Deps, *, until_at: datetime, in_thread: bool = False) -> KnownResults:
    """Return all facts, with what is known of the weeks that were finished before `until_at`.

    Whoever calls this holds the turn of what is remembered.
    """
    known = remembered(deps)
    await known.read_on(deps.store, in_thread=in_thread)
    if any(record.as_of_at > until_at for record in known.finished.values()):
        known = KnownResults()
        await known.read_on(deps.store, in_thread=in_thread)
    return known


def unmarked(known: KnownResults, records: tuple[WeekRecord, ...], until_at: datetime) -> list[str]:
    """Return the weeks that began by `until_at` and of which there is no record."""
    told = {record.week.week_id for record in records}
    weeks = {w: _counted(facts, until_at) for w, facts in known.facts.items() if w not in told}
    return sorted(week_id for week_id, facts in weeks.items() if began(facts))


def records_of(known: KnownResults, deps: Deps, until_at: datetime) -> tuple[WeekRecord, ...]:
    """Return the weeks as they stood at `until_at` (aware), oldest first."""
    facts = {week_id: _counted(own, until_at) for week_id, own in sorted(known.facts.items())}
    records = [known.finished[week_id] for week_id in sorted(known.finished)]
    are_finished = True
    for week_id, own in facts.items():
        record = record_of(week_id, own, _around(week_id, facts, known, deps, until_at=until_at))
        if record is None:
            continue
        records.append(record)
        # In order, as a week needs the facts of the next one; and whole, or some would be lost.
        is_whole = len(own) == len(known.facts[week_id])
        are_finished = are_finished and record.is_finished and is_whole
        if are_finished:
            known.settle(record)
    return tuple(records)


def _around(
    week_id: str,
    facts: Mapping[str, list[Dated]],
    known: KnownResults,
    deps: Deps,
    *,
    until_at: datetime,
) -> Surroundings:
    after = (date.fromisoformat(week_id) + _WEEK).isoformat()
    return Surroundings(
        config=deps.config,
        as_of_at=min(until_at, known.newest_at or until_at),
        following=facts.get(after, ()),
        last_on=_last_session_on(week_id, facts[week_id]),
        is_past=any(own for other, own in facts.items() if other > after),
    )


def _counted(facts: list[Dated], until_at: datetime) -> list[Dated]:
    return [dated for dated in facts if dated.at <= until_at]


def _last_session_on(week_id: str, facts: list[Dated]) -> date | None:
    """Return the week's last session where its close has been marked, else None."""
    closed_on = newest_close_on(facts)
    if closed_on is None or closed_on.weekday() == _TUESDAY:
        return closed_on
    if closed_on.weekday() not in _FRIDAY_OR_MONDAY:
        return None
    # Brings pandas, which is paid for only where a holiday may have ended the week.
    from config.market_calendar import xnys  # noqa: PLC0415

    wednesday = date.fromisoformat(week_id)
    return xnys().between(wednesday, wednesday + _WEEK - timedelta(days=1))[-1].session_on
