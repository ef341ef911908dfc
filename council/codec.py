"""Facts to events and back: the only place that knows how a fact is written down."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from pydantic import ValidationError

from config.ids import meaning_id
from council.errors import UnknownFact
from council.events import FACTS
from council.fact import Fact
from store.events import NewEvent, StoredEvent

_BY_KIND = {fact.__name__: fact for fact in FACTS}
KINDS = frozenset(_BY_KIND)
"""Every kind of event that this version can read."""
_FactType = TypeVar("_FactType", bound=Fact)


def event_id_of(fact: Fact) -> UUID:
    """Return the id that `fact` has in every process that ever writes it."""
    return meaning_id(type(fact).__name__, *fact.meaning)


def to_event(fact: Fact, *, at: datetime, parent: UUID | None = None) -> NewEvent:
    """Write `fact` down as it happened `at`, caused by the event `parent`."""
    return NewEvent(
        event_id=event_id_of(fact),
        event_type=type(fact).__name__,
        payload=fact.model_dump(mode="json"),
        timestamp=at,
        week_id=fact.week_id,
        account_id=fact.about_account,
        correlation_id=f"week-{fact.week_id}",
        parent_event_id=parent,
    )


def to_fact(event: StoredEvent) -> Fact:
    """Read an event back; a second time the same fact is returned.

    Raises:
        UnknownFact: the event was written by a newer version, or is damaged.
    """
    return event.once(_fact_in)


def _fact_in(event: StoredEvent) -> Fact:
    kind = _BY_KIND.get(event.event_type)
    if kind is None:
        raise UnknownFact(f"event {event.position} is of the unknown kind {event.event_type!r}")
    # What `model_validate` calls with each of its parameters by name: where a log is folded, that
    # takes a fiftieth of the time.
    validator, text = kind.__pydantic_validator__, event.payload_text
    fact: Fact
    try:
        if text is None:
            fact = validator.validate_python(event.payload)
        else:
            fact = validator.validate_json(text)
    except ValidationError as error:
        raise UnknownFact(f"event {event.position} ({event.event_type}) does not read") from error
    return fact
