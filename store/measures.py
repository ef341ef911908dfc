"""How large a database is and who waits in it: for the doctor and for a report of a fault."""

from dataclasses import dataclass
from datetime import timedelta

from store.faults import translating
from store.pool import StorePool

_SERVER = """
SELECT current_setting('server_version') AS version,
    pg_database_size(current_database()) AS bytes,
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
    current_setting('max_connections')::int AS most_connections
"""
_WAITING = """
SELECT count(*) AS sessions, coalesce(max(clock_timestamp() - query_start), '0') AS longest
FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_TABLES = """
SELECT relname AS name, pg_total_relation_size(relid) AS bytes, n_live_tup AS rows
FROM pg_stat_user_tables WHERE schemaname = 'public' ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class TableSize:
    """One table with its indexes; `rows` is the server's own estimate."""

    name: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class DatabaseMeasures:
    """The server's version, and how full the database is."""

    version: str
    bytes: int
    connections: int
    most_connections: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many sessions wait for another's lock, and the longest of them for how long."""

    sessions: int
    longest: timedelta


async def read_measures(pool: StorePool) -> DatabaseMeasures:
    """Ask the server; raises StoreUnavailable where it does not answer."""
    with translating():
        return DatabaseMeasures(**await pool.fetchrow(_SERVER))


async def read_waiting(pool: StorePool) -> Waiting:
    """Ask who waits; raises StoreUnavailable where the server does not answer."""
    with translating():
        return Waiting(**await pool.fetchrow(_WAITING))


async def read_tables(pool: StorePool) -> tuple[TableSize, ...]:
    """Return every table by name; raises StoreUnavailable where the server does not answer."""
    with translating():
        return tuple(TableSize(**row) for row in await pool.fetch(_TABLES))
