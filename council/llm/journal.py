"""Every call to a model, written down the moment it ends: paid once, replayed for ever after."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from config.clock import Clock
from config.ids import meaning_id
from council.codec import to_event, to_fact
from council.events import AnsweringModeFound, ModelCalled
from council.ports import Question
from store.events import StoredEvent
from store.ports import EventStore

ANSWER_CHARACTERS = 200_000
"""What is longer is cut for storage; its sha-256 is of the whole."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one week's calls, up to `version` of their stream."""

    week_id: str
    version: int = 0
    calls: Mapping[UUID, ModelCalled] = field(default_factory=dict)


class Journal:
    """The streams `llm-{week_id}` as a record that is asked before any model is."""

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._read = _Read("")

    async def calls(self, week_id: str) -> Mapping[UUID, ModelCalled]:
        """Return every recorded call of the week by its id; only new ones are read."""
        known = self._read if self._read.week_id == week_id else _Read(week_id)
        events = await self._store.read_stream(f"llm-{week_id}", known.version)
        if events:
            facts = [to_fact(event) for event in events]
            new = {fact.call_id: fact for fact in facts if isinstance(fact, ModelCalled)}
            known = _Read(week_id, events[-1].version, {**known.calls, **new})
        self._read = known
        return known.calls

    def call_events(self, after_position: int = 0) -> AsyncIterator[StoredEvent]:
        """Yield the events of all weeks' calls after `after_position` of the log."""
        return self._store.read_all(after_position, event_types=(ModelCalled.__name__,))

    async def record(self, fact: ModelCalled | AnsweringModeFound) -> None:
        """Store `fact`; storing it again is harmless."""
        await self._store.append(fact.stream, (to_event(fact, at=self._clock.now()),))

    async def answering_modes(
        self, gateway: str, *, younger_than: timedelta
    ) -> tuple[AnsweringModeFound, ...]:
        """Return what was found of the models behind `gateway`, the oldest first."""
        oldest_at = self._clock.now() - younger_than
        events = await self._store.read_stream(AnsweringModeFound.STREAM)
        facts = (to_fact(event) for event in events if event.timestamp >= oldest_at)
        found = (fact for fact in facts if isinstance(fact, AnsweringModeFound))
        return tuple(fact for fact in found if fact.gateway == gateway)


def call_id_of(question: Question[Any], prompt_hash: str, attempt: int) -> UUID:
    """Return the id of the `attempt`th call for `question`, the same in every process."""
    return meaning_id(
        "call", question.week_id, question.stage, question.asked_by, prompt_hash, attempt
    )


def stored_answer(text: str) -> str:
    """Return `text` as a database takes it: NUL and lone surrogates replaced, cut at the cap."""
    cut = text[:ANSWER_CHARACTERS].replace("\x00", "\ufffd")
    return cut.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")


def answer_sha256(text: str) -> str:
    """Return the sha-256, in hex, of the raw answer."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
