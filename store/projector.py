"""The log as the only truth: fold the read tables anew from it, and prove that it is untouched."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from store.faults import translating
from store.folding import fold_all
from store.pool import StorePool
from store.ports import Projection
from store.row_writing import RowWriter
from store.rows import quoted

VERIFY_BATCH = 5_000
APART_FROM = 200_000
"""Events from which on it pays to begin further processes."""
GENESIS_HASH = bytes(32)

_LINKS = """
WITH batch AS (
    SELECT position, previous_hash, hash, event_hash(previous_hash, events) AS recomputed,
        lag(hash, 1, $2::bytea) OVER (ORDER BY position) AS linked,
        $1 + row_number() OVER (ORDER BY position) AS expected
    FROM (SELECT * FROM events WHERE position > $1 ORDER BY position LIMIT $3) AS events
)
SELECT count(*) AS count, max(position) AS last_position,
    (SELECT hash FROM batch ORDER BY position DESC LIMIT 1) AS last_hash,
    min(expected) FILTER (WHERE position <> expected) AS missing,
    min(position) FILTER (WHERE hash <> recomputed) AS forged,
    min(position) FILTER (WHERE previous_hash <> linked) AS unlinked
FROM batch
"""


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What the hash chain says. It cannot see events missing at the very end: compare `head`."""

    events: int
    first_bad_position: int | None
    reason: str | None
    head: str | None
    """Hash of the last event in hexadecimal, to be published elsewhere; None without events."""

    @property
    def is_intact(self) -> bool:
        """Whether every event is as it was written."""
        return self.first_bad_position is None


@dataclass(frozen=True, slots=True)
class _Log:
    """A log of so many events, and how it is folded."""

    head: int
    project: Projection
    rowless: tuple[str, ...]


async def rebuild(
    pool: StorePool, project: Projection, tables: Sequence[str], *, rowless: Collection[str] = ()
) -> int:
    """Empty `tables` and fold all events into them in one transaction; return how many events.

    Events of the kinds `rowless`, of which `project` makes no rows, are passed over. Appends wait
    meanwhile. Raises what an append raises.
    """
    emptied = ", ".join(quoted(table) for table in tables)
    with translating():
        # A batch may take longer than a statement of a pooled connection is given.
        async with _dedicated(pool) as writer, writer.transaction():
            await writer.execute("SELECT lock_appends()")
            if emptied:
                await writer.execute(f"TRUNCATE {emptied}")
            # Nothing is appended from here on: other connections read the same log.
            rows = RowWriter(writer, tables)
            head = int(await writer.fetchval("SELECT coalesce(max(position), 0) FROM events"))
            log = _Log(head, project, tuple(rowless))
            if head < APART_FROM or not await _is_folded_apart(pool, rows, log):
                await _fold_here(pool, rows, log)
            return int(await writer.fetchval("SELECT count(*) FROM events"))


async def _is_folded_apart(pool: StorePool, rows: RowWriter, log: _Log) -> bool:
    """Whether other processes could fold `log`, and have."""
    # Few commands fold as much, and all would wait for what is loaded.
    from store import folding_apart  # noqa: PLC0415

    processes = folding_apart.processes_for(log.project)
    if processes == 1:
        return False
    whole = folding_apart.Log(pool.dsn, log.head, log.project, log.rowless, await rows.tables())
    return await folding_apart.fold_apart(whole, rows, processes=processes)


async def _fold_here(pool: StorePool, rows: RowWriter, log: _Log) -> None:
    async with _dedicated(pool) as reader, reader.transaction(readonly=True):
        # Between two batches it waits until one is written, however long that takes.
        await reader.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await fold_all(reader, rows, log.project, rowless=log.rowless)


async def verify(
    pool: StorePool, after_position: int = 0, after_hash: bytes = GENESIS_HASH
) -> ChainReport:
    """Recompute the hash chain in batches, up to the first event that does not fit.

    It begins after the event at `after_position`, whose hash is taken for `after_hash`.
    """
    count, position, head, size = 0, after_position, after_hash, VERIFY_BATCH
    while True:
        try:
            links = await _links(pool, position, head, size=size)
        except asyncpg.DataCorruptedError as error:
            if size == 1:
                return ChainReport(count, position + 1, f"it cannot be read ({error})", None)
            # The halves before the damage still pass, so that the first bad event is found.
            size //= 2
            continue
        if not links["count"]:
            return ChainReport(count, None, None, head.hex() if count else None)
        count += links["count"]
        if (bad := _first_bad(links)) is not None:
            return ChainReport(count, *bad, None)
        position, head = links["last_position"], links["last_hash"]


async def _links(pool: StorePool, position: int, head: bytes, *, size: int) -> asyncpg.Record:
    with translating(but=asyncpg.DataCorruptedError):
        async with pool.acquire() as connection, connection.transaction():
            # A scan of the whole table would stumble over damage that lies further on.
            await connection.execute("SET LOCAL enable_seqscan = off")
            return await connection.fetchrow(_LINKS, position, head, size)


@asynccontextmanager
async def _dedicated(pool: StorePool) -> AsyncIterator[asyncpg.Connection]:
    connection = await pool.dedicated()
    try:
        yield connection
    finally:
        await connection.close()


def _first_bad(links: asyncpg.Record) -> tuple[int, str] | None:
    """Return the first position that does not fit and why; of several reasons the first listed."""
    reasons = {
        "missing": "it is missing",
        "forged": "its content does not match its hash",
        "unlinked": "it does not continue the event before it, which was replaced",
    }
    bad = [(links[name], why) for name, why in reasons.items() if links[name] is not None]
    return min(bad, key=lambda found: found[0], default=None)
