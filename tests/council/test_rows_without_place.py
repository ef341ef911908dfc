"""What an event leaves follows from the event alone: rows may be made before it is stored."""

import json

import pytest
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from council.codec import to_event
from council.fact import Fact
from council.projections import project
from store.events import StoredEvent, TextEvent
from store.rows import plain
from tests.council.fact_examples import every_fact
from tests.store.builders import AT

each_fact = pytest.mark.parametrize("fact", every_fact(), ids=lambda fact: type(fact).__name__)


def stored(fact: Fact) -> StoredEvent:
    event = to_event(fact, at=AT)
    fields = {name: getattr(event, name) for name in event.__dataclass_fields__}
    return StoredEvent(position=7, stream="a", version=3, **fields)


@each_fact
def test_rows_do_not_depend_on_an_events_place_in_the_log(fact: Fact) -> None:
    placed = stored(fact)

    unplaced = placed._replace(position=0, stream="a", version=0)

    assert tuple(project(unplaced)) == tuple(project(placed))


@each_fact
def test_rows_are_the_same_of_an_event_whose_payload_is_still_text(fact: Fact) -> None:
    read = stored(fact)

    text = TextEvent._make((*read[:5], json.dumps(read.payload), *read[6:]))

    assert text.payload == read.payload
    assert tuple(project(text)) == tuple(project(read))


def test_a_document_in_a_row_is_a_part_of_what_the_log_says() -> None:
    documents = [
        (value, event.payload)
        for event in map(stored, every_fact())
        for change in project(event)
        for value in change.values.values()
        if isinstance(value, BaseModel)
    ]

    assert documents
    for document, payload in documents:
        assert plain(document) in payload.values()
        assert from_json(to_json(document)) == plain(document)
