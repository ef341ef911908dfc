"""What the store of a database of one's own asks of it, and that it never answers what is stale."""

import asyncio
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.errors import VersionConflict
from store.event_store import PostgresEventStore
from store.events import NewEvent, StreamWrite
from store.pool import StorePool
from store.remembering import MOST_EVENTS, RememberingEventStore
from tests.store.builders import credited, make_event, opened, project_ledger


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is asked of the database from here on."""
    calls: list[str] = []
    for name in ("read_stream", "rows"):
        own = getattr(PostgresEventStore, name)

        def told(*args: Any, _own: Any = own, _name: str = name, **options: Any) -> Any:
            calls.append(f"{_name} {args[1]}")
            return _own(*args, **options)

        monkeypatch.setattr(PostgresEventStore, name, told)
    return calls


async def test_what_it_wrote_itself_is_not_asked_again(
    remembering_store: RememberingEventStore, asked: list[str]
) -> None:
    store = remembering_store
    written = await store.append("a", [make_event("1"), make_event("2")])

    assert await store.read_stream("a") == written
    assert await store.read_stream("a", 1) == written[1:]
    assert await store.read_stream("a", 2) == ()
    assert asked == []


async def test_rows_are_asked_once_between_two_changes(
    remembering_store: RememberingEventStore, asked: list[str]
) -> None:
    store = remembering_store
    await store.append("a", [opened("X")])

    first = await store.rows("ledger", where={"account": "X"})
    first[0]["entries"] = "spoiled by its reader"
    second = await store.rows("ledger", where={"account": "X"})
    await store.append("a", [credited("X", "5", entries=3)])
    third = await store.rows("ledger", where={"account": "X"})

    assert [row["entries"] for row in (*second, *third)] == [None, 3]
    assert asked == ["rows ledger"] * 2


async def test_a_long_stream_is_remembered_by_its_end(
    remembering_store: RememberingEventStore, asked: list[str]
) -> None:
    store = remembering_store
    await store.append("a", [make_event(str(number)) for number in range(MOST_EVENTS + 5)])

    ending = await store.read_stream("a", MOST_EVENTS)
    whole = await store.read_stream("a")

    assert [event.version for event in ending] == list(range(MOST_EVENTS + 1, MOST_EVENTS + 6))
    assert [event.version for event in whole] == list(range(1, MOST_EVENTS + 6))
    assert asked == ["read_stream a"]


async def test_a_refused_append_leaves_nothing_remembered(
    remembering_store: RememberingEventStore, pool: StorePool
) -> None:
    store, elsewhere = remembering_store, PostgresEventStore(pool, project_ledger)
    await store.append("a", [make_event("1")])
    await elsewhere.append("a", [make_event("2")])

    with pytest.raises(VersionConflict):
        await store.append("a", [make_event("3")], 1)

    assert [event.version for event in await store.read_stream("a")] == [1, 2]


async def test_a_reading_amid_an_append_is_not_remembered(
    remembering_store: RememberingEventStore,
) -> None:
    store = remembering_store
    await store.append("a", [opened("X")])

    for number in range(20):
        change = store.append("a", [credited("X", str(number), entries=number)])
        await asyncio.gather(change, store.rows("ledger"), store.read_stream("a"))
        (row,) = await store.rows("ledger")

        assert row["entries"] == number
        assert len(await store.read_stream("a")) == number + 2


async def test_an_append_that_hears_late_of_its_end_leaves_nothing_stale(
    remembering_store: RememberingEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_stored, other_is_done = asyncio.Event(), asyncio.Event()
    own = PostgresEventStore.append_many

    async def late(self: PostgresEventStore, writes: Any) -> Any:
        stored = await own(self, writes)
        if stored[0].version == 1:
            is_stored.set()
            await other_is_done.wait()
        return stored

    monkeypatch.setattr(PostgresEventStore, "append_many", late)
    first = asyncio.create_task(remembering_store.append("a", [make_event("first")]))
    await is_stored.wait()
    await remembering_store.append("a", [make_event("second")])
    other_is_done.set()
    await first

    assert [event.version for event in await remembering_store.read_stream("a", 1)] == [2]


_NUMBERS = count()
"""Names of events, each used once in the one database of all examples."""
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "again", "condition", "read", "rows"]),
        st.sampled_from(["a", "b"]),
        st.integers(0, 4),
    ),
    max_size=25,
)


@given(steps=_STEPS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_it_answers_as_the_database_would(pool: StorePool, steps: list[Any]) -> None:
    store = RememberingEventStore(pool, project_ledger)
    plain = PostgresEventStore(pool, project_ledger)
    written: list[tuple[str, NewEvent]] = []

    for deed, stream, number in steps:
        if deed == "append":
            name = f"A{next(_NUMBERS)}"
            event = opened(name) if number % 2 else make_event(name)
            written.append((stream, event))
            await store.append(stream, [event])
        elif deed == "again" and written:
            await store.append(written[-1][0], [written[-1][1]])
        elif deed == "condition":
            other = "b" if stream == "a" else "a"
            version = len(await plain.read_stream(other))
            writes = (
                StreamWrite(stream, (make_event(f"A{next(_NUMBERS)}"),), None),
                StreamWrite(other, (), version),
            )
            await store.append_many(writes)
        elif deed == "read":
            assert await store.read_stream(stream, number) == await plain.read_stream(
                stream, number
            )
        order = ("account",)
        assert await store.rows("ledger", order_by=order) == await plain.rows(
            "ledger", order_by=order
        )
