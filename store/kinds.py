"""Which kinds of events a log holds: a program that does not know one of them must not read on."""

from collections.abc import Collection

from store.errors import DatabaseNewer
from store.faults import translating
from store.pool import StorePool

# Hops from kind to kind along the index, so that a long log costs no more than a short one.
_UNKNOWN = """
WITH RECURSIVE kinds AS (
    (SELECT event_type FROM events ORDER BY event_type LIMIT 1)
    UNION ALL
    SELECT (SELECT event_type FROM events WHERE event_type > kinds.event_type
            ORDER BY event_type LIMIT 1)
    FROM kinds WHERE kinds.event_type IS NOT NULL
)
SELECT event_type FROM kinds WHERE event_type <> ALL ($1::text[]) ORDER BY event_type
"""


async def refuse_unknown_kinds(pool: StorePool, known: Collection[str]) -> None:
    """Return if the log holds events of `known` kinds only.

    Raises:
        DatabaseNewer: it holds others: a newer version of the program wrote them.
        DatabaseNotMigrated: there is no log yet.
        StoreUnavailable: the database does not answer.
    """
    with translating():
        unknown = [row["event_type"] for row in await pool.fetch(_UNKNOWN, list(known))]
    if unknown:
        raise DatabaseNewer(
            "This database holds events of a newer version of the council "
            f"({', '.join(unknown)}): update the program."
        )
