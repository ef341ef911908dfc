"""Who a process is for its database: the owner, a member of one role, and what the grants say."""

from typing import Final

import asyncpg

from store.faults import translating
from store.grants import ROLES, Grant, RoleReading
from store.pool import StorePool

_READ: Final = """
SELECT session_user::text AS login,
    pg_has_role(session_user, events.relowner, 'USAGE') AS is_owner,
    ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname = ANY ($1::text[])
          AND pg_has_role(session_user, oid, 'MEMBER') ORDER BY rolname) AS roles,
    ARRAY(SELECT relname::text FROM pg_class AS mine
          WHERE mine.relowner = events.relowner AND mine.relnamespace = events.relnamespace
          AND relkind IN ('r', 'p') AND NOT has_table_privilege(session_user, mine.oid, 'SELECT')
          ORDER BY relname) AS closed
FROM pg_class AS events WHERE events.oid = 'public.events'::regclass
"""
_GRANTS: Final = "SELECT role, kind, trusts FROM public.event_grants ORDER BY role, kind"
_WAYS: Final = """
SELECT rolsuper AS superuser, rolcreaterole AS createrole,
    pg_has_role(oid, (SELECT relowner FROM pg_class WHERE oid = 'public.events'::regclass),
        'MEMBER') AS owner,
    has_table_privilege(oid, 'public.events', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
        OR has_table_privilege(oid, 'public.event_grants',
            'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') AS writes,
    has_schema_privilege(oid, 'public', 'CREATE') AS creates,
    pg_has_role(oid, 'pg_execute_server_program', 'MEMBER')
        OR pg_has_role(oid, 'pg_write_server_files', 'MEMBER') AS machine,
    (SELECT count(*) FROM pg_roles AS one WHERE rolname = ANY ($2::text[])
        AND pg_has_role(login.oid, one.oid, 'MEMBER')) > 1 AS roles
FROM pg_roles AS login WHERE rolname = $1
"""
_WAY_WORDS: Final = {
    "superuser": "is a superuser",
    "createrole": "may create roles",
    "owner": "belongs to the tables' owner",
    "writes": "may write to the log or the grants past the one call",
    "creates": "may create functions beside ours",
    "machine": "may write files or run programs on the server",
    "roles": "belongs to more than one role",
}


async def read_roles(pool: StorePool) -> RoleReading:
    """Read who is logged in and what is granted.

    Raises:
        StoreUnavailable: the database does not answer.
        StorageRefused: the login may not even read the grants.
    """
    with translating():
        async with pool.acquire() as connection:
            found = await connection.fetchrow(_READ, list(ROLES))
            grants = await connection.fetch(_GRANTS)
    is_owner, roles = found["is_owner"], found["roles"]
    return RoleReading(
        login=found["login"],
        is_owner=is_owner,
        role=None if is_owner or not roles else roles[0],
        closed=tuple(found["closed"]),
        grants=tuple(_grant(row) for row in grants),
    )


async def ways_around(connection: asyncpg.Connection, login: str) -> tuple[str, ...]:
    """Return by what `login` could get around its grants, as verbs with their objects."""
    with translating():
        found = await connection.fetchrow(_WAYS, login, list(ROLES))
    return () if found is None else tuple(_WAY_WORDS[name] for name, it in found.items() if it)


def _grant(row: asyncpg.Record) -> Grant:
    trusts = row["trusts"]
    return Grant(row["role"], row["kind"], None if trusts is None else tuple(trusts))
