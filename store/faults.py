"""The edge to asyncpg: each of its errors becomes one of ours; some are worth another try first."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import asyncpg

from config.errors import CouncilError
from store.errors import (
    DatabaseAddressRefused,
    DatabaseNotMigrated,
    EventIdTaken,
    LoginRefused,
    NotGranted,
    PayloadRefused,
    ProjectionRefused,
    StorageRefused,
    StoreUnavailable,
    UnknownTable,
    VersionConflict,
)

T = TypeVar("T")
Sleep = Callable[[timedelta], Awaitable[None]]

MAX_TRIES = 5
FIRST_PAUSE_SECONDS = 0.1
DISK_FULL = "53100"
LOCK_TIMED_OUT = "55P03"
"""Somebody holds the append lock for long, such as a migration under way."""
PASSING_CLASSES = frozenset({"08", "53", "57"})
"""SQLSTATE classes that pass by themselves: connection, resources (but not the disk), operator."""

_BY_SQLSTATE: dict[str, type[CouncilError]] = {
    "LC001": VersionConflict,
    "LC002": StorageRefused,
    "LC003": NotGranted,
    "LC004": EventIdTaken,
    "25006": StorageRefused,
    "42501": StorageRefused,
    "42P01": DatabaseNotMigrated,
    "42883": DatabaseNotMigrated,
    "42703": UnknownTable,
    DISK_FULL: StorageRefused,
}
_BY_CLASS: dict[str, type[CouncilError]] = {
    "22": PayloadRefused,
    "23": ProjectionRefused,
    "42": ProjectionRefused,
    "54": PayloadRefused,
}
_ADVICE: dict[type[CouncilError], str] = {
    VersionConflict: "read the stream again and decide anew",
    EventIdTaken: "one id stands for one event only",
    NotGranted: "nothing was written, for that takes the login of another database role; "
    "`council db roles` writes the address of each",
    DatabaseNotMigrated: "run `council init-db`",
    StorageRefused: "nothing was written",
    UnknownTable: "nothing was read or written",
    PayloadRefused: "nothing was written",
    ProjectionRefused: "nothing was written",
}


def is_passing(error: BaseException) -> bool:
    """Return whether repeating the same call may help at once.

    A timeout is not among them: the caller has waited long enough and decides himself.
    """
    if isinstance(error, TimeoutError | asyncpg.exceptions.ClientConfigurationError):
        return False
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        return (code[:2] in PASSING_CLASSES and code != DISK_FULL) or code == LOCK_TIMED_OUT
    # A value that the driver cannot encode is an InterfaceError too, yet will never pass.
    if isinstance(error, asyncpg.DataError | ValueError):
        return False
    kinds = (asyncpg.InterfaceError, asyncpg.exceptions.InternalClientError, OSError)
    return isinstance(error, kinds)


def translated(error: BaseException, what: str = "the database") -> CouncilError:
    """Return the error of ours that `error` of asyncpg, or of the socket below it, means."""
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return DatabaseAddressRefused(
            f"The address of {what} cannot be used: correct DATABASE_URL."
        )
    if isinstance(error, asyncpg.DataError):
        return PayloadRefused(_sentence(PayloadRefused, error))
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return LoginRefused(f"{_capital(what)} refused the login: check user and password.")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return StoreUnavailable(
            f"{_capital(what)} does not exist: create it or run `council init-db`."
        )
    if isinstance(error, asyncpg.PostgresError) and not is_passing(error):
        kind = _kind(error.sqlstate or "", getattr(error, "constraint_name", None) or "")
        return kind(_sentence(kind, error))
    reason = str(error) or type(error).__name__
    return StoreUnavailable(
        f"{_capital(what)} does not answer ({reason}): check that it runs. "
        "Any `council` command starts the embedded one."
    )


@contextmanager
def translating(
    what: str = "the database", *, but: type[Exception] = CouncilError
) -> Iterator[None]:
    """Translate what asyncpg raises inside, all `but` what the caller reacts to himself.

    `what` names the database in the message.
    """
    try:
        yield
    except (CouncilError, but):
        raise
    except _LOWER_ERRORS as error:
        raise translated(error, what) from error


async def retrying(call: Callable[[], Awaitable[T]], sleep: Sleep) -> T:
    """Return what `call` returns, trying up to MAX_TRIES times with growing, jittered pauses.

    Raises:
        StoreUnavailable: every try failed; the cause is chained.
    """
    for attempt in range(MAX_TRIES):
        try:
            return await call()
        except _LOWER_ERRORS as error:
            if attempt == MAX_TRIES - 1 or not is_passing(error):
                raise translated(error) from error
        # Jitter keeps processes that failed together from knocking together.
        jitter = 0.5 + random.random()  # noqa: S311 - no secret
        await sleep(timedelta(seconds=FIRST_PAUSE_SECONDS * 2**attempt * jitter))
    raise AssertionError("unreachable: the last try returns or raises")


_LOWER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.InternalClientError,
    OSError,
    asyncio.IncompleteReadError,
)


def _kind(code: str, constraint: str) -> type[CouncilError]:
    if code == "23505" and constraint.startswith("events_"):
        return VersionConflict
    return _BY_SQLSTATE.get(code) or _BY_CLASS.get(code[:2]) or StorageRefused


def _sentence(kind: type[CouncilError], error: BaseException) -> str:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"{_capital(reason)}: {_ADVICE[kind]}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
