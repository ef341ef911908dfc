"""What happened in a week, one line an event: what the chairman is shown when the week is over.

A week can have more events than a prompt has room for: the least telling kinds are left out first,
and counted.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from council.codec import to_fact
from council.events import PitchMade, ReviewMade
from council.result_facts import EquityMarked, PricesMarked
from council.week_sentences import KINDS, SENTENCES, Said
from store.events import StoredEvent
from store.ports import EventStore

MOST_LINES: Final = 120
_MARKS: Final = frozenset({EquityMarked.__name__, PricesMarked.__name__})


@dataclass(frozen=True, slots=True)
class WeekLine:
    """One event: `account` is whose it is, `about` the author of the pitch that was reviewed."""

    event_id: UUID
    at: datetime
    said: Said
    account: str | None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class ShownLines:
    """The lines that have room, in the order of the log, and how many of each kind have none."""

    lines: tuple[WeekLine, ...]
    left_out: Mapping[str, int]


async def read_week_events(
    store: EventStore, week_id: str, *, until_at: datetime
) -> tuple[StoredEvent, ...]:
    """Return the week's events that can have a line, of all streams, up to `until_at`."""
    own = await store.read_stream(f"week-{week_id}")
    if not own:
        return ()
    kinds = [kind.__name__ for kind in SENTENCES]
    events = store.read_all(own[0].position - 1, event_types=kinds)
    return tuple(
        [each async for each in events if each.week_id == week_id and each.timestamp <= until_at]
    )


def week_lines(
    events: Sequence[StoredEvent], *, kill_shots: Collection[UUID] = ()
) -> tuple[WeekLine, ...]:
    """Return a line for each of `events` that says something, in their order.

    `kill_shots` are the ids of the reviews that marked a pitch down hardest. Of an account's marks,
    and of the prices', only the first and the last have a line.
    """
    facts = [(event, to_fact(event)) for event in _without_middle_marks(events)]
    authors = {fact.pitch.idea_id: fact.account for _, fact in facts if isinstance(fact, PitchMade)}
    lines = []
    for event, fact in facts:
        said = SENTENCES[type(fact)](fact)
        if said is None:
            continue
        line = WeekLine(event.event_id, event.timestamp, said, fact.about_account)
        if isinstance(fact, ReviewMade):
            line = _of_review(line, fact, authors, kill_shots)
        lines.append(line)
    return tuple(lines)


def shown_lines(lines: Sequence[WeekLine], *, most: int = MOST_LINES) -> ShownLines:
    """Return the `most` most telling of `lines`; of one kind the earlier ones stay."""
    ranked = sorted(range(len(lines)), key=lambda place: KINDS.index(lines[place].said.kind))
    kept = sorted(ranked[:most])
    dropped = Counter(lines[place].said.kind for place in ranked[most:])
    return ShownLines(tuple(lines[place] for place in kept), dict(sorted(dropped.items())))


def _without_middle_marks(events: Sequence[StoredEvent]) -> tuple[StoredEvent, ...]:
    """Leave out what was marked between the first and the last mark of each series."""
    series: dict[tuple[str, str | None], list[UUID]] = {}
    for event in events:
        if event.event_type in _MARKS:
            series.setdefault((event.event_type, event.account_id), []).append(event.event_id)
    middle = {event_id for ids in series.values() for event_id in ids[1:-1]}
    return tuple(event for event in events if event.event_id not in middle)


def _of_review(
    line: WeekLine, fact: ReviewMade, authors: Mapping[UUID, str], kill_shots: Collection[UUID]
) -> WeekLine:
    review = fact.review
    said = line.said
    if review.review_id in kill_shots:
        said = replace(said, kind="kill_shot", text=f"{said.text}, the harshest of this pitch")
    return replace(line, said=said, about=authors.get(review.pitch_id))
