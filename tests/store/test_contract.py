"""What every event store keeps, whichever it is: one suite for PostgreSQL and for memory."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from store.errors import (
    EventIdTaken,
    PayloadRefused,
    ProjectionRefused,
    UnknownTable,
    VersionConflict,
)
from store.event_store import PostgresEventStore
from store.events import EventFilter, NewEvent, Page, StoredEvent, StreamWrite
from store.ports import EventStore
from tests.store.builders import AT, credited, generator, make_event, opened


class TestAppending:
    async def test_an_event_comes_back_as_it_was_written(self, store: EventStore) -> None:
        payload = {"text": "Grüße \\u0000 ☃ \x01", "n": 0.1, "deep": [[], {}, None, True], "a": -5}
        event = make_event(payload=payload)

        (stored,) = await store.append("week-1", [event])

        assert (stored.position, stored.stream, stored.version) == (1, "week-1", 1)
        assert stored.payload == payload
        assert stored.timestamp == AT
        assert (stored.week_id, stored.account_id) == (event.week_id, event.account_id)
        assert stored.parent_event_id == event.parent_event_id
        assert await store.read_stream("week-1") == (stored,)

    async def test_versions_count_per_stream_and_positions_over_all(
        self, store: EventStore
    ) -> None:
        await store.append("a", [make_event("1"), make_event("2")], 0)
        await store.append("b", [make_event("3")], 0)
        await store.append("a", [make_event("4")], 2)

        events = await _all(store)

        assert [(event.stream, event.version) for event in events] == [
            ("a", 1), ("a", 2), ("b", 1), ("a", 3),
        ]  # fmt: skip
        assert [event.version for event in await store.read_stream("a", 1)] == [2, 3]
        assert await store.read_stream("unheard of") == ()

    async def test_a_moved_stream_is_a_conflict_and_nothing_is_written(
        self, store: EventStore
    ) -> None:
        await store.append("a", [make_event("1")])

        with pytest.raises(VersionConflict, match="version 1, not 0"):
            await store.append("a", [make_event("2")], 0)

        assert len(await _all(store)) == 1

    async def test_several_streams_are_written_all_or_not_at_all(self, store: EventStore) -> None:
        await store.append("b", [make_event("1")])
        writes = (
            StreamWrite("a", (opened("X"),), 0),
            StreamWrite("b", (make_event("2"),), 0),
        )

        with pytest.raises(VersionConflict):
            await store.append_many(writes)

        assert await store.read_stream("a") == ()
        assert await store.rows("ledger") == ()

    async def test_several_streams_are_appended_in_the_order_of_the_writes(
        self, store: EventStore
    ) -> None:
        writes = (
            StreamWrite("b", (make_event("1"), make_event("2")), 0),
            StreamWrite("a", (make_event("3"),), None),
            StreamWrite("b", (make_event("4"),), 2),
        )

        stored = await store.append_many(writes)

        assert [(event.stream, event.version) for event in stored] == [
            ("b", 1),
            ("b", 2),
            ("a", 1),
            ("b", 3),
        ]
        assert tuple(await _all(store)) == stored

    async def test_a_known_event_is_returned_as_it_stands(self, store: EventStore) -> None:
        first = await store.append("a", [make_event("1"), make_event("2")], 0)
        changed = replace(make_event("1"), payload={"other": True})

        again = await store.append("a", [changed, make_event("2")], 0)

        assert again == first
        assert len(await _all(store)) == 2

    async def test_a_known_event_is_not_folded_again(self, store: EventStore) -> None:
        await store.append("a", [opened("X"), credited("X", "1")])
        await store.append("a", [credited("X", "2")])

        await store.append("a", [credited("X", "1")])

        (row,) = await store.rows("ledger")
        assert row["balance"] == Decimal(2) or row["balance"] == "2"

    async def test_a_new_event_beside_a_known_one_still_needs_the_version(
        self, store: EventStore
    ) -> None:
        await store.append("a", [make_event("1")])

        with pytest.raises(VersionConflict):
            await store.append("a", [make_event("1"), make_event("2")], 0)

    @pytest.mark.parametrize(("stream", "kind"), [("b", "Noted"), ("a", "Other")])
    async def test_an_id_of_another_stream_or_kind_is_taken(
        self, store: EventStore, stream: str, kind: str
    ) -> None:
        await store.append("a", [make_event("1")])

        with pytest.raises(EventIdTaken):
            await store.append(stream, [make_event("1", kind=kind)])

        assert len(await _all(store)) == 1

    async def test_only_one_of_eight_racing_writers_wins(self, store: EventStore) -> None:
        race = (store.append("a", [make_event(str(number))], 0) for number in range(8))

        results = await asyncio.gather(*race, return_exceptions=True)

        assert sum(isinstance(result, tuple) for result in results) == 1
        assert sum(isinstance(result, VersionConflict) for result in results) == 7

    async def test_nothing_is_an_append_too(self, store: EventStore) -> None:
        assert await store.append("a", []) == ()
        assert await store.append_many(()) == ()


class TestOddPayloads:
    @pytest.mark.parametrize(
        "payload",
        [
            {"text": "a\0b"},
            {"text": "\ud800"},
            {"\ud800": 1},
            {"n": float("nan")},
            {"n": float("inf")},
            {"n": 10**5000},
            {"deep": [[]]},
        ],
        ids=["nul", "surrogate", "surrogate key", "nan", "infinity", "huge", "deep"],
    )
    async def test_what_jsonb_cannot_hold_is_refused_and_nothing_stored(
        self, store: EventStore, payload: dict[str, Any]
    ) -> None:
        if "deep" in payload:
            for _ in range(20_000):
                payload = {"deep": [payload]}

        with pytest.raises(PayloadRefused):
            await store.append("a", [make_event("1"), make_event("2", payload=payload)])

        assert await _all(store) == []

    async def test_a_decimal_is_a_type_error_that_says_so(self, store: EventStore) -> None:
        with pytest.raises(TypeError, match=r"write 1\.5 as a string"):
            await store.append("a", [make_event(payload={"price": Decimal("1.5")})])

    async def test_a_stream_or_a_time_that_cannot_be_stored_is_refused(
        self, store: EventStore
    ) -> None:
        for stream, event in [
            ("", make_event()),
            ("a\0", make_event()),
            ("a", make_event(timestamp=AT.replace(tzinfo=None))),
            ("a", make_event(account_id="\ud800")),
        ]:
            with pytest.raises(PayloadRefused):
                await store.append(stream, [event])


class TestReading:
    async def test_all_events_can_be_had_from_a_position_and_by_kind(
        self, store: EventStore
    ) -> None:
        await store.append("a", [make_event(str(n), kind=f"Kind{n % 3}") for n in range(9)])

        chosen = [
            event.position async for event in store.read_all(3, event_types=("Kind0", "Kind1"))
        ]

        assert chosen == [4, 5, 7, 8]
        assert [event async for event in store.read_all(event_types=())] == []

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize(
        ("wanted", "positions"),
        [
            (EventFilter(), range(1, 13)),
            (EventFilter(stream_prefix="week-"), range(1, 9)),
            (EventFilter(stream_prefix="week-1_"), ()),
            (EventFilter(event_types=("Kind0", "Kind1")), (1, 2, 4, 5, 7, 8, 10, 11)),
            (EventFilter(week_id="w", account_id="ALPHA"), (2, 4, 6, 8, 10, 12)),
            (EventFilter(stream_prefix="week-10", event_types=("Kind2",)), (6,)),
            (EventFilter(account_id="nobody"), ()),
            (EventFilter(event_id=make_event("7").event_id), (8,)),
        ],
    )
    async def test_pages_of_the_log_meet_every_wanted_event_once(
        self, store: EventStore, wanted: EventFilter, positions: Sequence[int], descending: bool
    ) -> None:
        for stream, numbers in (
            ("week-1", range(4)),
            ("week-10", range(4, 8)),
            ("other", range(8, 12)),
        ):
            await store.append(stream, [_numbered(number) for number in numbers])

        met: list[StoredEvent] = []
        after: tuple[int] | None = None
        for _ in range(6):
            events = await store.read_page(wanted, Page(3, descending, after))
            assert len(events) <= 3
            met += events
            after = (events[-1].position,) if events else after

        assert [event.position for event in met] == sorted(positions, reverse=descending)

    async def test_a_page_of_what_no_event_can_have_is_refused(self, store: EventStore) -> None:
        for wanted in (EventFilter(stream_prefix="a\0"), EventFilter(week_id="\ud800")):
            with pytest.raises(PayloadRefused):
                await store.read_page(wanted, Page(1))

    async def test_the_head_is_the_newest_position_and_0_without_events(
        self, store: EventStore
    ) -> None:
        empty = await store.head()
        await store.append("a", [make_event("1"), make_event("2")])

        assert (empty, await store.head()) == (0, 2)

    async def test_a_subscription_yields_the_past_and_then_the_new(self, store: EventStore) -> None:
        await store.append("a", [make_event("1"), make_event("2")])
        async with aclosing(generator(store.subscribe(1))) as events:
            first = await anext(events)
            waiting = asyncio.ensure_future(anext(events))
            await store.append("b", [make_event("3")])
            second = await asyncio.wait_for(waiting, 10)

        assert [first.position, second.position] == [2, 3]


class TestRows:
    async def test_an_event_sets_single_columns_of_a_row_that_exists(
        self, store: EventStore
    ) -> None:
        await store.append("a", [opened("X"), credited("X", "12.50")])

        (row,) = await store.rows("ledger", where={"account": "X"})

        assert row["opened_at"] == AT
        assert Decimal(row["balance"]) == Decimal("12.50")
        assert row["notes"] == ["12.50"]

    async def test_rows_are_chosen_and_ordered_by_columns(self, store: EventStore) -> None:
        await store.append("a", [opened(name) for name in ("C", "A", "B")])
        await store.append("a", [credited("B", "1", entries=5), credited("C", "2", entries=5)])

        chosen = await store.rows("ledger", where={"entries": 5}, order_by=("account",))
        either = await store.rows("ledger", where={"account": ("A", "C", "D"), "entries": 5})
        none = await store.rows("ledger", where={"account": ()})
        without = await store.rows("ledger", where={"entries": None})
        ordered = await store.rows("ledger", order_by=("entries", "account"))

        assert [row["account"] for row in chosen] == ["B", "C"]
        assert [row["account"] for row in either] == ["C"]
        assert none == ()
        assert [row["account"] for row in without] == ["A"]
        assert [row["account"] for row in ordered] == ["B", "C", "A"]

    @pytest.mark.parametrize("descending", [False, True])
    async def test_pages_meet_every_row_once_in_order(
        self, store: EventStore, descending: bool
    ) -> None:
        names = [f"A{number}" for number in range(7)]
        await store.append("a", [opened(name) for name in names])
        await store.append("a", [credited(name, "1", entries=1) for name in names])

        met: list[str] = []
        after = None
        while rows := await store.rows(
            "ledger",
            where={"entries": 1},
            order_by=("entries", "account"),
            page=Page(3, descending, after),
        ):
            met += [row["account"] for row in rows]
            after = (rows[-1]["entries"], rows[-1]["account"])

        assert met == sorted(names, reverse=descending)

    async def test_rows_are_counted_by_columns(self, store: EventStore) -> None:
        await store.append("a", [opened(name) for name in ("A", "B", "C")])
        await store.append("a", [credited("B", "1", entries=5)])

        assert await store.count_rows("ledger") == 3
        assert await store.count_rows("ledger", where={"entries": 5}) == 1
        assert await store.count_rows("ledger", where={"entries": None}) == 2
        with pytest.raises(UnknownTable):
            await store.count_rows("no_such_table")

    async def test_rows_are_counted_for_each_combination_of_values(self, store: EventStore) -> None:
        await store.append("a", [opened(name) for name in ("A", "B", "C")])
        await store.append("a", [credited(name, "1", entries=5) for name in ("B", "C")])

        assert await store.count_rows_by("ledger", ("entries",)) == {(5,): 2, (None,): 1}
        counted = await store.count_rows_by(
            "ledger", ("account", "entries"), where={"account": ("A", "C")}
        )
        assert counted == {("A", None): 1, ("C", 5): 1}
        assert await store.count_rows_by("ledger", ("account",), where={"entries": 7}) == {}
        with pytest.raises(UnknownTable):
            await store.count_rows_by("ledger", ("Account",))

    async def test_an_unknown_table_or_a_crooked_name_is_refused(self, store: EventStore) -> None:
        with pytest.raises(UnknownTable):
            await store.rows("no_such_table")
        for crooked in ('account" OR 1=1 --', "Account", ""):
            with pytest.raises(UnknownTable):
                await store.rows("ledger", where={crooked: "X"})


async def test_a_row_that_its_table_refuses_takes_the_event_with_it(
    postgres_store: PostgresEventStore,
) -> None:
    with pytest.raises(ProjectionRefused):
        await postgres_store.append("a", [opened("X"), credited("X", "1", entries=5000)])
    with pytest.raises(ProjectionRefused):
        await postgres_store.append("a", [credited("never opened", "1")])

    assert await _all(postgres_store) == []


def _numbered(number: int) -> NewEvent:
    account = ("BRAVO", "ALPHA")[number % 2]
    return make_event(str(number), kind=f"Kind{number % 3}", week_id="w", account_id=account)


async def _all(store: EventStore) -> list[StoredEvent]:
    return [event async for event in store.read_all()]
