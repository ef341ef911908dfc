import json
from typing import Any

import pytest

from council.codec import event_id_of, to_event, to_fact
from council.errors import UnknownFact
from council.events import CheckpointTaken, PitchMade, StageCompleted
from council.fact import Fact
from store.events import NewEvent, StoredEvent
from tests.builders import NOW, WEEK_ID
from tests.council.fact_examples import every_fact

STARTED = StageCompleted(week_id=WEEK_ID, stage="pitch")


def stored(event: NewEvent) -> StoredEvent:
    """Return `event` as a database gives it back: its payload went through JSON text."""
    payload: dict[str, Any] = json.loads(json.dumps(event.payload, allow_nan=False))
    return StoredEvent(
        position=1,
        stream="any",
        version=1,
        event_id=event.event_id,
        event_type=event.event_type,
        payload=payload,
        timestamp=event.timestamp,
        week_id=event.week_id,
        account_id=event.account_id,
        correlation_id=event.correlation_id,
        parent_event_id=event.parent_event_id,
    )


@pytest.mark.parametrize("fact", every_fact(), ids=lambda fact: type(fact).__name__)
def test_every_fact_reads_back_as_it_was_written(fact: Fact) -> None:
    event = to_event(fact, at=NOW)

    assert to_fact(stored(event)) == fact


@pytest.mark.parametrize("fact", every_fact(), ids=lambda fact: type(fact).__name__)
def test_money_is_written_as_text(fact: Fact) -> None:
    text = json.dumps(to_event(fact, at=NOW).payload)

    for name in ("equity_usd", "average_price", "cost_usd", "last_close", "conviction"):
        assert f'"{name}": 1' not in text


def test_a_fact_has_the_same_id_whenever_it_is_written() -> None:
    later = StageCompleted(week_id=WEEK_ID, stage="pitch")

    assert event_id_of(later) == event_id_of(STARTED)
    assert event_id_of(StageCompleted(week_id=WEEK_ID, stage="propose")) != event_id_of(STARTED)


def test_the_ids_of_all_examples_differ() -> None:
    ids = [event_id_of(fact) for fact in every_fact()]

    assert len(set(ids)) == len(ids)


def test_an_event_says_week_account_and_cause() -> None:
    cause = event_id_of(STARTED)

    event = to_event(every_fact()[5], at=NOW, parent=cause)

    assert (event.week_id, event.account_id) == (WEEK_ID, "ALPHA")
    assert (event.correlation_id, event.parent_event_id) == (f"week-{WEEK_ID}", cause)


def test_an_event_is_read_once() -> None:
    event = stored(to_event(every_fact()[0], at=NOW))

    assert to_fact(event) is to_fact(event)
    assert to_fact(event._replace(version=2)) is not to_fact(event)


def test_an_event_of_a_newer_version_is_named_by_its_position() -> None:
    event = stored(to_event(STARTED, at=NOW))._replace(event_type="MoonReached", position=77)

    with pytest.raises(UnknownFact, match="event 77 is of the unknown kind 'MoonReached'"):
        to_fact(event)


def test_a_damaged_payload_is_no_fact() -> None:
    event = stored(to_event(STARTED, at=NOW))._replace(payload={"week_id": WEEK_ID})

    with pytest.raises(UnknownFact, match="StageCompleted"):
        to_fact(event)


@pytest.mark.parametrize(
    ("kind", "inside", "absent"),
    [
        (PitchMade, "pitch", ("invalidation_rule",)),
        (CheckpointTaken, "checkpoint", ("invalidation", "proxy_price_usd", "event", "price_usd")),
    ],
)
def test_a_record_from_before_there_were_invalidation_rules_is_read(
    kind: type[Fact], inside: str, absent: tuple[str, ...]
) -> None:
    fact = next(fact for fact in every_fact() if isinstance(fact, kind))
    payload = to_event(fact, at=NOW).payload
    old = {name: value for name, value in payload[inside].items() if name not in absent}

    read = kind.model_validate({**payload, inside: old})

    assert all(not getattr(getattr(read, inside), name) for name in absent)
