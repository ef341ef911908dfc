"""Folding in batches leaves what folding event by event left, however the events fall into them."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.ids import random_id
from store import folding, row_writing
from store.addresses import with_database, with_login
from store.databases import ensure_database
from store.errors import ProjectionRefused, UnknownTable
from store.event_store import PostgresEventStore
from store.events import NewEvent, RowChange, StoredEvent
from store.migrate import migrate
from store.pool import StorePool, connect, open_pool
from store.projector import rebuild
from tests.conftest import copy_database, run_apart
from tests.store.builders import LEDGER, credited, make_event, opened, project_ledger

ACCOUNTS = ("A", "B", "C")
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(ACCOUNTS),
        st.sampled_from(("open", "credit", "nothing")),
        st.decimals(min_value=-9, max_value=9, places=2).map(str),
    ),
    max_size=25,
)


@settings(max_examples=20, deadline=None)
@given(drawn=EVENTS, batch=st.integers(min_value=1, max_value=6), remembered=st.integers(0, 4))
def test_any_batches_leave_the_rows_that_appending_left(
    drawn: list[tuple[str, str, str]], batch: int, remembered: int, shared_dsn: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "FOLD_BATCH", batch)
        patch.setattr(row_writing, "MOST_REMEMBERED", remembered)
        run_apart(lambda: _assert_a_rebuild_changes_nothing(shared_dsn, _events(drawn)))


async def test_a_table_that_was_not_emptied_keeps_its_rows_and_takes_the_same_again(
    pool: StorePool, postgres_store: PostgresEventStore
) -> None:
    await postgres_store.append("a", [opened("X"), credited("X", "1"), opened("Y")])
    before = await postgres_store.rows("ledger", order_by=("account",))

    await rebuild(pool, project_ledger, ())

    assert await postgres_store.rows("ledger", order_by=("account",)) == before


async def test_a_change_of_a_row_that_never_was_is_refused(
    pool: StorePool, postgres_store: PostgresEventStore
) -> None:
    await postgres_store.append("a", [opened("X"), make_event("2", kind="Lost")])

    def project(event: StoredEvent) -> tuple[RowChange, ...]:
        return (RowChange("ledger", {"account": "Y"}, {"balance": 1}),)

    with pytest.raises(ProjectionRefused):
        await rebuild(pool, project, ("ledger",))

    assert await postgres_store.count_rows("ledger") == 1


@pytest.mark.parametrize(("table", "column"), [("no_such_table", "balance"), ("ledger", "colour")])
async def test_an_unknown_table_or_column_is_named(
    pool: StorePool, postgres_store: PostgresEventStore, table: str, column: str
) -> None:
    await postgres_store.append("a", [opened("X")])

    def project(event: StoredEvent) -> tuple[RowChange, ...]:
        return (RowChange(table, {"account": "X"}, {column: 1}),)

    with pytest.raises(UnknownTable, match=r"no_such_table|colour"):
        await rebuild(pool, project, ("ledger",))


async def test_kinds_without_rows_are_passed_over_and_counted(
    pool: StorePool, postgres_store: PostgresEventStore
) -> None:
    await postgres_store.append("a", [opened("X"), make_event("2", kind="Silent")])
    seen: list[str] = []

    def project(event: StoredEvent) -> tuple[RowChange, ...]:
        seen.append(event.event_type)
        return tuple(project_ledger(event))

    count = await rebuild(pool, project, ("ledger",), rowless={"Silent"})

    assert (count, seen) == (2, ["Opened"])
    assert await postgres_store.count_rows("ledger") == 1


async def test_a_login_that_may_make_no_temporary_tables_rebuilds(
    cluster_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "FOLD_BATCH", 1)
    pool = await open_pool(await _address_without_temporary_tables(cluster_dsn), min_size=1,
                           max_size=1, command_timeout_seconds=10)  # fmt: skip
    await pool.execute(LEDGER)
    store = PostgresEventStore(pool, project_ledger)
    again = make_event("again", kind="Opened", payload={"account": "X"})
    await store.append("a", [opened("X"), again])
    before = await store.rows("ledger")

    await rebuild(pool, project_ledger, ("ledger",))

    assert await store.rows("ledger") == before
    await pool.close()


async def _address_without_temporary_tables(cluster_dsn: str) -> str:
    name = f"bare_{random_id().hex}"
    dsn = await ensure_database(cluster_dsn, name)
    address = with_login(dsn, name, "password")
    connection = await connect(dsn)
    await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'password'")
    await connection.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {name}")
    await connection.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    await connection.close()
    await migrate(address)
    return address


@pytest.fixture(scope="module")
def shared_dsn(cluster_dsn: str, template_database: str) -> str:
    """One more database, whose log and ledger only grow."""
    run_apart(lambda: copy_database(cluster_dsn, template_database, "test_folding"))
    return with_database(cluster_dsn, "test_folding")


def _events(drawn: list[tuple[str, str, str]]) -> Callable[[str], list[NewEvent]]:
    def named(run: str) -> list[NewEvent]:
        made = [opened(f"{run}{account}") for account in ACCOUNTS]
        for account, what, balance in drawn:
            name = f"{run}{account}"
            if what == "credit":
                made.append(credited(name, balance, entries=len(made)))
            elif what == "open":
                made.append(make_event(f"{name} {len(made)}", kind="Opened",
                                       payload={"account": name}))  # fmt: skip
            else:
                made.append(make_event(f"{name} {len(made)}"))
        return made

    return named


async def _assert_a_rebuild_changes_nothing(
    dsn: str, events: Callable[[str], list[NewEvent]]
) -> None:
    pool = await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=10)
    try:
        await pool.execute(LEDGER.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
        store = PostgresEventStore(pool, project_ledger)
        await store.append("a", events(f"run {await store.head()} "))
        live = await store.rows("ledger", order_by=("account",))
        async with asyncio.timeout(60):
            await rebuild(pool, project_ledger, ("ledger",))

        assert await store.rows("ledger", order_by=("account",)) == live
    finally:
        await pool.close()
