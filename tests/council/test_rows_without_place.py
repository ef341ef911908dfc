"""What an event leaves follows from the event alone: rows may be made before it is stored."""

import pytest

from council.codec import to_event
from council.fact import Fact
from council.projections import project
from store.events import StoredEvent
from tests.council.fact_examples import every_fact
from tests.store.builders import AT


@pytest.mark.parametrize("fact", every_fact(), ids=lambda fact: type(fact).__name__)
def test_rows_do_not_depend_on_an_events_place_in_the_log(fact: Fact) -> None:
    event = to_event(fact, at=AT)
    fields = {name: getattr(event, name) for name in event.__dataclass_fields__}
    stored = StoredEvent(position=7, stream="a", version=3, **fields)

    unplaced = stored._replace(position=0, stream="a", version=0)

    assert tuple(project(unplaced)) == tuple(project(stored))
