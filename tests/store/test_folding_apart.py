"""Processes beside this one leave the same rows, and what goes wrong in them is told here."""

import asyncio
import os
import signal
from collections.abc import Iterable
from multiprocessing import active_children

import asyncpg
import pytest

from store import folding_apart, projector
from store.errors import PayloadRefused, StoreUnavailable
from store.event_store import PostgresEventStore
from store.events import RowChange, StoredEvent
from store.folding_apart import processes_for
from store.pool import StorePool
from store.ports import Projection
from store.projector import rebuild
from store.row_writing import RowWriter
from tests.store.builders import credited, make_event, opened, project_ledger


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even a short log folded by two processes."""
    monkeypatch.setattr(projector, "APART_FROM", 1)
    monkeypatch.setattr(folding_apart, "processes_for", lambda project: 2)


def project_refusing(event: StoredEvent) -> Iterable[RowChange]:
    """Refuse the first event."""
    raise PayloadRefused(f"event {event.position} is refused")


def project_dying(event: StoredEvent) -> Iterable[RowChange]:
    """End the process without a word."""
    os._exit(7)


def project_waiting(event: StoredEvent) -> Iterable[RowChange]:
    """Never end."""
    while True:
        signal.pause()


@pytest.mark.usefixtures("apart")
async def test_processes_leave_the_rows_that_appending_left(
    pool: StorePool, postgres_store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "fold_all", _never)
    monkeypatch.setattr(folding_apart, "PART", 3)
    names = [f"{name}\t\\" for name in "ABCDE"]
    await postgres_store.append("a", [opened(name) for name in names])
    await postgres_store.append("a", [credited(name, f"{n}.50") for n, name in enumerate(names)])
    again = {"account": names[0]}
    await postgres_store.append("a", [make_event("again", kind="Opened", payload=again)])
    before = await postgres_store.rows("ledger", order_by=("account",))

    count = await rebuild(pool, project_ledger, ("ledger",), rowless={"Silent"})

    assert count == 11
    assert await postgres_store.rows("ledger", order_by=("account",)) == before


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(
    ("project", "refusal"),
    [
        (project_refusing, PayloadRefused("event 1 is refused")),
        (project_dying, StoreUnavailable("was killed: nothing was written")),
    ],
)
async def test_what_goes_wrong_in_a_process_leaves_the_rows_as_they_were(
    pool: StorePool, postgres_store: PostgresEventStore, project: Projection, refusal: Exception
) -> None:
    strangers = set(active_children())
    await postgres_store.append("a", [opened("X")])

    with pytest.raises(type(refusal), match=str(refusal)):
        await rebuild(pool, project, ("ledger",))

    assert await postgres_store.count_rows("ledger") == 1
    assert set(active_children()) <= strangers


@pytest.mark.usefixtures("apart")
async def test_who_gives_up_waiting_leaves_no_process_behind(
    pool: StorePool, postgres_store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers = set(active_children())
    await postgres_store.append("a", [opened("X")])
    monkeypatch.setattr(RowWriter, "stay_awake", _give_up)
    monkeypatch.setattr(folding_apart, "_AWAKE_SECONDS", 0)

    with pytest.raises(asyncio.CancelledError):
        await rebuild(pool, project_waiting, ("ledger",))

    assert set(active_children()) <= strangers
    assert await postgres_store.count_rows("ledger") == 1


def test_a_projection_that_no_other_process_finds_is_folded_here() -> None:
    def project(event: StoredEvent) -> Iterable[RowChange]:
        return ()

    assert processes_for(project) == 1
    assert processes_for(project_ledger) == min(len(os.sched_getaffinity(0)), 4)


async def test_the_reader_may_wait_for_a_write_however_long_it_takes(
    pool: StorePool, postgres_store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await postgres_store.append("a", [opened("X")])
    shown = []

    async def folded(reader: asyncpg.Connection, *_: object, **__: object) -> None:
        shown.append(await reader.fetchval("SHOW idle_in_transaction_session_timeout"))

    monkeypatch.setattr(projector, "fold_all", folded)

    await rebuild(pool, project_ledger, ("ledger",))

    assert shown == ["0"]


async def _give_up(self: RowWriter) -> None:
    raise asyncio.CancelledError


def _never(*_: object, **__: object) -> None:
    raise AssertionError("it was folded here")
