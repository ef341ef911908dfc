"""An append and the rows it leaves go to the database as one statement, and mean what two did."""

import asyncio

import pytest

from store.errors import VersionConflict
from store.event_store import PostgresEventStore
from store.events import NewEvent, RowChange, StoredEvent, StreamWrite
from store.one_statement import one_statement
from store.pool import StorePool
from store.remembering import RememberingEventStore
from tests.store.builders import AT, credited, make_event, opened, project_ledger


@pytest.fixture
def sent(remembering_store: RememberingEventStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return how the appends after this were made, each by its name."""
    made: list[str] = []
    own = PostgresEventStore._append_once

    async def told(self: PostgresEventStore, *write: object) -> object:
        made.append("transaction")
        return await own(self, *write)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(PostgresEventStore, "_append_once", told)
    return made


async def test_an_event_and_its_row_take_no_transaction_of_their_own(
    remembering_store: RememberingEventStore, sent: list[str]
) -> None:
    store = remembering_store

    await store.append("a", [opened("X"), make_event("1")])
    await store.append("a", [credited("X", "5", entries=3)])

    (row,) = await store.rows("ledger")
    assert (row["account"], row["balance"], row["notes"], row["entries"]) == ("X", 5, ["5"], 3)
    assert sent == []


async def test_an_append_that_is_repeated_leaves_later_rows_alone(
    remembering_store: RememberingEventStore, sent: list[str]
) -> None:
    store, first = remembering_store, credited("X", "1")
    await store.append("a", [opened("X")])
    earlier = await store.append("a", [first])
    await store.append("a", [credited("X", "2")])

    again = await store.append("a", [first])

    assert again == earlier
    assert [row["balance"] for row in await store.rows("ledger")] == [2]
    assert sent == []


async def test_of_an_append_that_is_known_in_part_only_the_rest_leaves_rows(
    remembering_store: RememberingEventStore, sent: list[str]
) -> None:
    store, first = remembering_store, credited("X", "1")
    await store.append("a", [opened("X"), opened("Y")])
    await store.append("a", [first])
    await store.append("a", [credited("X", "2")])

    stored = await store.append("a", [first, credited("Y", "7")])

    assert [event.version for event in stored] == [3, 5]
    assert {row["account"]: row["balance"] for row in await store.rows("ledger")} == {
        "X": 2,
        "Y": 7,
    }
    assert sent == ["transaction"]


async def test_a_row_that_changes_twice_ends_as_the_last_change_left_it(
    remembering_store: RememberingEventStore, sent: list[str]
) -> None:
    store = remembering_store

    await store.append("a", [opened("X"), credited("X", "1"), credited("X", "2", entries=5)])

    (row,) = await store.rows("ledger")
    assert (row["opened_at"], row["balance"], row["entries"]) == (AT, 2, 5)
    assert sent == []


async def test_many_rows_take_one_statement_as_well(
    remembering_store: RememberingEventStore, sent: list[str]
) -> None:
    accounts = [f"X{number:02}" for number in range(40)]

    await remembering_store.append("a", [opened(account) for account in accounts])

    rows = await remembering_store.rows("ledger", order_by=["account"])
    assert [row["account"] for row in rows] == accounts
    assert sent == []


async def test_the_rows_of_a_large_table_are_found_by_their_keys(pool: StorePool) -> None:
    await pool.execute(
        "INSERT INTO ledger SELECT n::text, now() FROM generate_series(1, 20000) AS n"
    )
    await pool.execute("ANALYZE ledger")
    changes = [RowChange("ledger", {"account": "X"}, {"balance": 1})]
    statement = one_statement([("a", None, "[]")], changes, {"ledger": {"account", "opened_at"}})

    plan = await pool.fetch(f"EXPLAIN {statement.sql}", *statement.values)

    lines = [str(line[0]) for line in plan]
    assert any("Index" in line and "ledger" in line for line in lines)
    assert not any("Seq Scan on ledger" in line for line in lines)


async def test_a_change_of_nothing_leaves_a_row_as_it_is(pool: StorePool, sent: list[str]) -> None:
    def project(event: StoredEvent) -> tuple[RowChange, ...]:
        values = {"opened_at": event.timestamp} if event.event_type == "Opened" else {}
        return (RowChange("ledger", {"account": "X"}, values),)

    store = RememberingEventStore(pool, project)
    await store.append("a", [opened("X")])
    before = await store.rows("ledger")

    await store.append("a", [make_event("1")])

    assert await PostgresEventStore(pool, project).rows("ledger") == before
    assert sent == []


async def test_several_streams_and_their_rows_are_stored_together_or_not_at_all(
    remembering_store: RememberingEventStore, sent: list[str]
) -> None:
    store = remembering_store
    await store.append("a", [opened("X")])

    with pytest.raises(VersionConflict):
        await store.append_many((_write("b", opened("Y"), 0), _write("a", opened("Z"), 0)))
    stored = await store.append_many((_write("b", opened("Y"), 0), _write("a", opened("Z"), 1)))

    assert [(event.stream, event.version) for event in stored] == [("b", 1), ("a", 2)]
    assert [row["account"] for row in await store.rows("ledger", order_by=["account"])] == list(
        "XYZ"
    )
    assert sent == []


async def test_rows_that_many_make_at_once_are_made_once(
    remembering_store: RememberingEventStore, pool: StorePool
) -> None:
    events = [make_event(str(n), kind="Opened", payload={"account": "X"}) for n in range(12)]

    await asyncio.gather(
        *(remembering_store.append(f"s{n}", [event]) for n, event in enumerate(events))
    )

    elsewhere = PostgresEventStore(pool, project_ledger)
    assert [row["account"] for row in await elsewhere.rows("ledger")] == ["X"]
    assert await elsewhere.head() == len(events)


def _write(stream: str, event: NewEvent, version: int) -> StreamWrite:
    return StreamWrite(stream, (event,), version)
