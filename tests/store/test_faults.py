"""What passes is tried again with the same ids; what does not is translated into one sentence."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from store.errors import (
    DatabaseAddressRefused,
    LoginRefused,
    PayloadRefused,
    ProjectionRefused,
    StorageRefused,
    StoreUnavailable,
    VersionConflict,
)
from store.event_store import PostgresEventStore
from store.events import RowChange, StoredEvent
from store.faults import MAX_TRIES, is_passing, retrying, translated, translating
from store.pool import StorePool
from tests.store.builders import make_event

PASSING = [
    asyncpg.ConnectionDoesNotExistError("gone"),
    asyncpg.CannotConnectNowError("starting up"),
    asyncpg.AdminShutdownError("terminated"),
    asyncpg.TooManyConnectionsError("too many"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("got result for unknown protocol state"),
    ConnectionRefusedError("refused"),
]
FINAL = [
    (asyncpg.DiskFullError("no space left"), StorageRefused),
    (asyncpg.DataError("invalid input for query argument"), PayloadRefused),
    (asyncpg.InvalidPasswordError('password authentication failed for user "x"'), LoginRefused),
    (asyncpg.InvalidCatalogNameError('database "x" does not exist'), StoreUnavailable),
    (asyncpg.exceptions.ClientConfigurationError("invalid DSN"), DatabaseAddressRefused),
    (asyncpg.InsufficientPrivilegeError("permission denied"), StorageRefused),
    (asyncpg.NotNullViolationError("null value"), ProjectionRefused),
    (asyncpg.UntranslatableCharacterError("NUL"), PayloadRefused),
    (TimeoutError(), StoreUnavailable),
]


class Naps:
    """A sleep that only counts."""

    def __init__(self) -> None:
        self.taken: list[timedelta] = []

    async def __call__(self, duration: timedelta) -> None:
        self.taken.append(duration)


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
async def test_what_passes_is_tried_five_times_with_growing_pauses(error: Exception) -> None:
    naps, calls = Naps(), []

    async def call() -> None:
        calls.append(1)
        raise error

    with pytest.raises(StoreUnavailable) as caught:
        await retrying(call, naps)

    assert len(calls) == MAX_TRIES
    assert len(naps.taken) == MAX_TRIES - 1
    assert naps.taken[-1] > naps.taken[0] * 2
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(("error", "kind"), FINAL, ids=lambda value: getattr(value, "__name__", ""))
async def test_what_does_not_pass_is_said_at_once(error: Exception, kind: type[Exception]) -> None:
    naps = Naps()

    async def call() -> None:
        raise error

    with pytest.raises(kind, match=r"^[A-Z].*[.]$"):
        await retrying(call, naps)

    assert naps.taken == []


def test_every_error_of_the_driver_is_translated_to_one_of_ours() -> None:
    for error in _driver_errors():
        with pytest.raises(Exception, match=r"\.$") as caught, translating():
            raise error
        assert type(caught.value).__module__ == "store.errors", error


def test_a_second_event_of_one_version_is_a_conflict() -> None:
    error = asyncpg.UniqueViolationError("duplicate key")
    error.constraint_name = "events_stream_version_key"

    assert isinstance(translated(error), VersionConflict)
    assert not is_passing(error)


async def test_an_append_whose_connection_dies_in_the_middle_is_stored_once(
    pool: StorePool,
) -> None:
    killed: list[int] = []

    def project_and_kill(event: StoredEvent) -> Iterator[RowChange]:
        if not killed:
            killed.append(event.position)
            yield RowChange("murder", {"victim": 1}, {"at": event.timestamp})

    await pool.execute(
        "CREATE TABLE murder (victim int PRIMARY KEY, at timestamptz);"
        "CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
        "CREATE TRIGGER kill BEFORE INSERT ON murder FOR EACH ROW EXECUTE FUNCTION kill()"
    )
    naps = Naps()
    store = PostgresEventStore(pool, project_and_kill, sleep=naps)

    (stored,) = await store.append("a", [make_event()], 0)

    assert killed
    assert len(naps.taken) == 1
    assert await store.read_stream("a") == (stored,)


async def test_an_append_that_was_stored_but_not_acknowledged_is_stored_once(
    pool: StorePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresEventStore(pool, lambda _: (), sleep=Naps())
    once = store._append_once
    lost: list[Any] = []

    async def stored_but_reply_lost(*asked: Any) -> Any:
        stored = await once(*asked)
        if not lost:
            lost.append(stored)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle")
        return stored

    monkeypatch.setattr(store, "_append_once", stored_but_reply_lost)

    stored = await store.append("a", [make_event("1"), make_event("2")], 0)

    assert stored == lost[0]
    assert await store.read_stream("a") == stored


def _driver_errors() -> Iterator[Exception]:
    for name in sorted(vars(asyncpg.exceptions)):
        kind = getattr(asyncpg.exceptions, name)
        if isinstance(kind, type) and issubclass(kind, asyncpg.PostgresError):
            yield kind("something")
