"""The one way to store trading facts: at expected versions, and only by the first writer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from council.codec import to_event
from council.errors import Overtaken
from council.fact import Fact
from council.ports import Deps
from store.errors import VersionConflict
from store.events import NewEvent, StoredEvent, StreamWrite


async def record(
    deps: Deps, facts: Sequence[Fact], versions: Mapping[str, int], *, parent: UUID | None = None
) -> tuple[StoredEvent, ...]:
    """Append `facts` to their streams in one transaction, each stream at its version in `versions`.

    A stream in `versions` that gets no fact is a condition: it must still be at that version.

    Raises:
        Overtaken: another process wrote first, even if it wrote the very same fact; nothing of ours
            was stored and the streams must be read again.
    """
    at = deps.clock.now()
    writes = _writes(facts, versions, at=at, parent=parent)
    try:
        stored = await deps.store.append_many(writes)
    except VersionConflict as error:
        raise Overtaken("Another process wrote first; try again.") from error
    if not _all_ours([event for write in writes for event in write.events], stored):
        raise Overtaken("Another process stored the same step first; try again.")
    return stored


def _writes(
    facts: Sequence[Fact], versions: Mapping[str, int], *, at: datetime, parent: UUID | None
) -> tuple[StreamWrite, ...]:
    streams: dict[str, list[NewEvent]] = {}
    for fact in facts:
        streams.setdefault(fact.stream, []).append(to_event(fact, at=at, parent=parent))
    for stream in versions:
        streams.setdefault(stream, [])
    return tuple(
        StreamWrite(stream, tuple(events), versions.get(stream))
        for stream, events in streams.items()
    )


def _all_ours(sent: Sequence[NewEvent], stored: Sequence[StoredEvent]) -> bool:
    """Whether what is stored is what was sent: an id that was known comes back as it stood."""
    by_id = {event.event_id: event for event in stored}
    return all(
        (event.payload, event.timestamp)
        == (by_id[event.event_id].payload, by_id[event.event_id].timestamp)
        for event in sent
    )
