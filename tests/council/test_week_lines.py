"""The week's events as lines: one an event, the most telling first to be kept."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from council.codec import event_id_of, to_event
from council.events import NoDecision, ReviewMade, WeekStarted
from council.fact import Fact
from council.projections import project
from council.result_facts import EquityMarked, PricesMarked
from council.week_lines import WeekLine, read_week_events, shown_lines, week_lines
from council.week_sentences import KINDS, SENTENCES
from store.events import StoredEvent
from store.memory import MemoryEventStore
from tests.builders import NOW, WEEK_ID
from tests.council.fact_examples import deliberation_facts, every_fact
from tests.council.postmortem_builders import make_line
from tests.council.result_examples import result_facts

LATER = NOW + timedelta(days=30)


async def stored(facts: Sequence[Fact]) -> MemoryEventStore:
    store = MemoryEventStore(project)
    for fact in facts:
        await store.append(fact.stream, [to_event(fact, at=NOW)])
    return store


async def events_of(facts: Sequence[Fact]) -> tuple[StoredEvent, ...]:
    return await read_week_events(await stored(facts), WEEK_ID, until_at=LATER)


async def lines_of(facts: Sequence[Fact], **more: Any) -> tuple[WeekLine, ...]:
    return week_lines(await events_of(facts), **more)


@pytest.mark.parametrize("kind", SENTENCES, ids=lambda kind: kind.__name__)
def test_every_kind_of_fact_that_has_a_line_says_something(kind: type[Fact]) -> None:
    (fact,) = [fact for fact in every_fact() if type(fact) is kind]

    said = SENTENCES[kind](fact)

    assert said is not None
    assert said.kind in KINDS
    assert said.text


async def test_a_line_names_no_model_and_no_person() -> None:
    lines = await lines_of(every_fact())

    texts = " ".join(f"{line.said.text} {line.said.quote}" for line in lines)

    assert [word for word in ("vendor", "rehearsal/", "ann") if f"{word} " in texts] == []


async def test_the_lines_are_those_of_the_week_alone_up_to_the_instant() -> None:
    own = [fact for fact in deliberation_facts() if isinstance(fact, WeekStarted | NoDecision)]
    other = [fact.model_copy(update={"week_id": "2026-11-25"}) for fact in own]
    store = await stored((*own, *other))

    found = await read_week_events(store, WEEK_ID, until_at=NOW)
    before = await read_week_events(store, WEEK_ID, until_at=NOW - timedelta(seconds=1))

    assert {event.week_id for event in found} == {WEEK_ID}
    assert before == ()


async def test_an_unknown_week_has_no_events() -> None:
    assert await read_week_events(MemoryEventStore(project), WEEK_ID, until_at=LATER) == ()


async def test_a_review_says_whose_pitch_it_is_about_and_whether_it_was_the_harshest() -> None:
    facts = deliberation_facts()
    (review,) = [fact.review for fact in facts if isinstance(fact, ReviewMade)]

    (plain,) = [line for line in await lines_of(facts) if line.said.kind == "review"]
    lines = await lines_of(facts, kill_shots={review.review_id})
    (harsh,) = [line for line in lines if line.said.kind == "kill_shot"]

    assert (plain.account, plain.about) == ("BRAVO", "ALPHA")
    assert harsh.event_id == plain.event_id


async def test_of_the_marks_only_the_first_and_the_last_have_a_line() -> None:
    marks = [fact for fact in result_facts() if isinstance(fact, PricesMarked | EquityMarked)]
    slots = ("09:00", "12:00", "14:00", "close")
    facts = [mark.model_copy(update={"slot": slot}) for slot in slots for mark in marks]

    lines = await lines_of((*deliberation_facts(), *facts))

    kept = {line.event_id for line in lines if line.said.kind in {"worth", "prices"}}
    assert kept == {event_id_of(fact) for fact in (*facts[:2], *facts[-2:])}


async def test_a_close_that_was_marked_the_next_morning_is_that_of_its_session() -> None:
    marks = [fact for fact in result_facts() if isinstance(fact, PricesMarked | EquityMarked)]
    late = {"slot": "close", "marked_at": NOW + timedelta(days=1)}
    facts = [mark.model_copy(update=late) for mark in marks]

    lines = await lines_of((*deliberation_facts(), *facts))

    told = [line.said.text for line in lines if line.said.kind in {"worth", "prices"}]
    assert [f"the close of {facts[0].session_on}" in text for text in told] == [True, True]


def test_where_there_is_no_room_the_least_telling_go_first_and_are_counted() -> None:
    kinds = ("stay_by_rule", "decision", "review", "stay_by_rule", "fill")
    lines = [make_line(number, kind=kind) for number, kind in enumerate(kinds)]

    shown = shown_lines(lines, most=2)

    assert [line.said.kind for line in shown.lines] == ["decision", "fill"]
    assert shown.left_out == {"review": 1, "stay_by_rule": 2}


def test_what_is_shown_stays_in_the_order_of_the_log() -> None:
    lines = [make_line(number, kind=kind) for number, kind in enumerate(reversed(KINDS))]

    assert shown_lines(lines).lines == tuple(lines)
    assert shown_lines(lines).left_out == {}
