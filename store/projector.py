"""The log as the only truth: fold the read tables anew from it, and prove that it is untouched."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from store.event_store import COLUMNS, fold, stored_event
from store.faults import translating
from store.pool import StorePool
from store.ports import Projection
from store.rows import quoted

FOLD_BATCH = 1_000
VERIFY_BATCH = 5_000
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


async def rebuild(pool: StorePool, project: Projection, tables: Sequence[str]) -> int:
    """Empty `tables` and fold all events into them in one transaction; return how many events.

    Appends wait meanwhile. Raises what an append raises.
    """
    emptied = ", ".join(quoted(table) for table in tables)
    with translating():
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT lock_appends()")
            if emptied:
                await connection.execute(f"TRUNCATE {emptied}")
            return await _fold_all(connection, project)


async def verify(pool: StorePool) -> ChainReport:
    """Recompute the hash chain in batches, up to the first event that does not fit."""
    count, position, head, size = 0, 0, GENESIS_HASH, VERIFY_BATCH
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


async def _fold_all(connection: asyncpg.Connection, project: Projection) -> int:
    count = 0
    sql = f"SELECT {COLUMNS} FROM events ORDER BY position"  # noqa: S608 - constant
    async for record in connection.cursor(sql, prefetch=FOLD_BATCH):
        await fold(connection, (stored_event(record),), project)
        count += 1
    return count


def _first_bad(links: asyncpg.Record) -> tuple[int, str] | None:
    """Return the first position that does not fit and why; of several reasons the first listed."""
    reasons = {
        "missing": "it is missing",
        "forged": "its content does not match its hash",
        "unlinked": "it does not continue the event before it, which was replaced",
    }
    bad = [(links[name], why) for name, why in reasons.items() if links[name] is not None]
    return min(bad, key=lambda found: found[0], default=None)
