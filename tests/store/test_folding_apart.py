"""Processes beside this one leave the same rows, and what goes wrong in them is told here."""

import asyncio
import os
import signal
from collections.abc import Iterable
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import Connection
from select import select

import asyncpg
import pytest

from store import folding_apart, projector
from store.errors import PayloadRefused, StoreUnavailable
from store.event_store import PostgresEventStore
from store.events import RowChange, StoredEvent
from store.folding_apart import Log, processes_for
from store.pool import StorePool
from store.ports import Projection
from store.projector import rebuild
from store.row_batches import Shape, TextRows
from store.row_writing import RowWriter
from tests.store.builders import credited, make_event, opened, project_ledger


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even a short log folded by two processes."""
    monkeypatch.setattr(projector, "APART_FROM", 1)
    monkeypatch.setattr(folding_apart, "processes_for", lambda project: 2)


@pytest.fixture
def one_by_one(apart: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each event be a part, which is written before the next is folded."""
    monkeypatch.setattr(folding_apart, "PART", 1)
    monkeypatch.setattr(folding_apart, "_AHEAD", 0)


def project_refusing(event: StoredEvent) -> Iterable[RowChange]:
    """Refuse the first event."""
    raise PayloadRefused(f"event {event.position} is refused")


def project_dying(event: StoredEvent) -> Iterable[RowChange]:
    """End a process beside the first one at the second event, without a word."""
    if event.position == 2 and parent_process():
        os._exit(7)
    return project_ledger(event)


def project_dying_at_once(event: StoredEvent) -> Iterable[RowChange]:
    """End a process beside the first one without a word."""
    if parent_process():
        os._exit(7)
    return project_ledger(event)


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


@pytest.mark.usefixtures("one_by_one")
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
    await postgres_store.append("a", [opened("X"), opened("Y")])

    with pytest.raises(type(refusal), match=str(refusal)):
        await rebuild(pool, project, ("ledger",))

    assert await postgres_store.count_rows("ledger") == 2
    assert set(active_children()) <= strangers


@pytest.mark.usefixtures("apart")
async def test_where_processes_die_at_once_the_log_is_folded_here(
    pool: StorePool, postgres_store: PostgresEventStore
) -> None:
    await postgres_store.append("a", [opened("X"), credited("X", "1.50")])
    before = await postgres_store.rows("ledger")

    await rebuild(pool, project_dying_at_once, ("ledger",))

    assert await postgres_store.rows("ledger") == before


@pytest.mark.usefixtures("apart")
async def test_where_no_process_can_be_begun_the_log_is_folded_here(
    pool: StorePool, postgres_store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await postgres_store.append("a", [opened("X")])
    monkeypatch.setattr(folding_apart, "ProcessPoolExecutor", _no_memory_to_share)

    await rebuild(pool, project_ledger, ("ledger",))

    assert await postgres_store.count_rows("ledger") == 1


def test_a_process_ends_with_the_one_that_began_it_and_leaves_interrupts_to_it() -> None:
    here, there = get_context("spawn").Pipe()
    parent = get_context("spawn").Process(target=begin_and_wait, args=(there,))
    parent.start()
    worker, on_interrupt = here.recv()
    ending = os.pidfd_open(worker)

    parent.kill()
    parent.join()

    has_ended = bool(select([ending], [], [], 10)[0])
    if not has_ended:
        signal.pidfd_send_signal(ending, signal.SIGKILL)
    os.close(ending)
    assert has_ended
    assert on_interrupt is signal.SIG_IGN


def begin_and_wait(told: Connection) -> None:
    """Begin a process, tell its number and what Ctrl-C does to it, and wait for it for ever."""
    with folding_apart._pool(1) as pool:
        asked = (pool.submit(os.getpid), pool.submit(signal.getsignal, signal.SIGINT))
        told.send(tuple(one.result() for one in asked))
        pool.submit(signal.pause).result()


def test_no_password_is_shown_with_a_log_nor_its_rows() -> None:
    log = Log("postgresql://council:secret@db/council", 1, project_ledger, (), {})
    rows = TextRows(Shape("ledger", ("account",), ("account",)), ["secret"], b"secret\n")

    assert "secret" not in f"{log!r} {rows!r}"


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


def _no_memory_to_share(*_: object, **__: object) -> None:
    raise OSError(30, "Read-only file system")


def _never(*_: object, **__: object) -> None:
    raise AssertionError("it was folded here")
