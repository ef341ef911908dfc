"""Every call to a model, written down the moment it ends: paid once, replayed for ever after."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from config.clock import Clock
from config.ids import meaning_id
from council.codec import to_event, to_fact
from council.events import AnsweringModeFound, ModelCalled
from council.joint_reading import JointReading
from council.ports import Question
from store.events import StoredEvent
from store.ports import EventStore, RawAnswers

ANSWER_CHARACTERS = 200_000
"""What is longer is cut for storage; its sha-256 is of the whole."""


@dataclass(slots=True)
class _Week:
    """What was read of one week's calls, up to `version` of their stream."""

    week_id: str
    version: int = 0
    calls: Mapping[UUID, ModelCalled] = field(default_factory=dict)
    reading: JointReading = field(default_factory=JointReading)


class Journal:
    """The streams `llm-{week_id}` as a record that is asked before any model is.

    Answers are looked for `apart` as well; where it `keeps_apart`, they are kept there from now on,
    and their events hold the sha-256 alone.
    """

    def __init__(
        self,
        store: EventStore,
        clock: Clock,
        *,
        apart: RawAnswers | None = None,
        keeps_apart: bool = False,
    ) -> None:
        self._store = store
        self._clock = clock
        self._apart = apart
        self._keeps_apart = keeps_apart
        self._week = _Week("")

    async def calls(self, week_id: str) -> Mapping[UUID, ModelCalled]:
        """Return every recorded call of the week by its id; only new ones are read."""
        if self._week.week_id != week_id:
            self._week = _Week(week_id)
        week = self._week
        await week.reading.join(lambda: self._read_on(week))
        return week.calls

    def call_events(self, after_position: int = 0) -> AsyncIterator[StoredEvent]:
        """Yield the events of all weeks' calls after `after_position` of the log."""
        return self._store.read_all(after_position, event_types=(ModelCalled.__name__,))

    async def record(self, fact: ModelCalled | AnsweringModeFound) -> None:
        """Store `fact`; storing it again is harmless."""
        if isinstance(fact, ModelCalled):
            fact = await self._without_answer(fact)
        await self._store.append(fact.stream, (to_event(fact, at=self._clock.now()),))

    async def _read_on(self, week: _Week) -> None:
        events = await self._store.read_stream(f"llm-{week.week_id}", week.version)
        if events:
            facts = [to_fact(event) for event in events]
            new_calls = [fact for fact in facts if isinstance(fact, ModelCalled)]
            new = {fact.call_id: fact for fact in await self._with_answers(new_calls)}
            week.version, week.calls = events[-1].version, {**week.calls, **new}

    async def _without_answer(self, call: ModelCalled) -> ModelCalled:
        """Keep the answer apart, where that is wanted: before its event, which must not lack it."""
        if self._apart is None or not self._keeps_apart:
            return call
        if call.answer is None or call.answer_sha256 is None:
            return call
        await self._apart.keep(call.answer_sha256, call.answer, self._clock.now())
        return call.model_copy(update={"answer": None})

    async def _with_answers(self, calls: Sequence[ModelCalled]) -> Sequence[ModelCalled]:
        """Return the calls with those answers that lie apart and are still there."""
        missing = {c.answer_sha256 for c in calls if c.answer is None and c.answer_sha256}
        if self._apart is None or not missing:
            return calls
        found = await self._apart.find(missing)
        return [
            call.model_copy(update={"answer": found.get(call.answer_sha256 or "")})
            if call.answer is None
            else call
            for call in calls
        ]

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
