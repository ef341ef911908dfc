"""Every call to a model that was recorded, read once in a process and then read on.

What the models answered is most of the record and costs nothing to leave out: only what says who
asked whom, and what it cost, is kept.
"""

from dataclasses import dataclass, field
from datetime import datetime

from council.codec import to_fact
from council.events import ModelCalled
from store.ports import EventStore

TimedCall = tuple[datetime, ModelCalled]
"""A call without its answer, and when it was recorded."""


@dataclass(slots=True)
class RecordedCalls:
    """The calls up to `position`, in the order of the log."""

    position: int = 0
    calls: list[TimedCall] = field(default_factory=list)

    async def read_on(self, store: EventStore) -> tuple[TimedCall, ...]:
        """Return all calls until now.

        Raises:
            UnknownFact: a newer version recorded one.
        """
        async for event in store.read_all(self.position, event_types=(ModelCalled.__name__,)):
            fact = to_fact(event)
            # Another task may have read on while this one waited.
            if event.position > self.position and isinstance(fact, ModelCalled):
                self.calls.append((event.timestamp, fact.model_copy(update={"answer": None})))
                self.position = event.position
        return tuple(self.calls)
