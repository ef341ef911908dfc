"""Database roles: groups without login that hold the grants, and one login for each of them.

The owner of the tables has no login either: who sets the roles up is a member of it, and nobody
else is. Everything here can be repeated, and everything of one call is done or none of it.
"""

import hashlib
import hmac
import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

import asyncpg

from store.addresses import shown, with_login
from store.databases import database_name, quoted_name
from store.errors import StorageRefused
from store.faults import translating
from store.grants import LC_MCP, OWNER, ROLES, Grant
from store.pool import connect

READ_ONLY_TABLES: Final = ("events", "event_grants", "schema_migrations")
"""What the roles may read and nobody but the owner may write; to the log they append by a call."""
PRUNED: Final = ("public.raw_answers",)
"""The tables from which the daily upkeep, as the server's role, throws away what is old."""
CALLED: Final = ("append_event", "append_events", "event_hash", "event_text")
"""The functions that the roles may call; what these call runs with the owner's rights."""
EXCHANGE: Final = "exchange"
"""The schema of the simulated exchange, which every process serves for itself."""
QUEUE: Final = "workers"
"""The schema of the workers' queue, where there is one; it holds nothing that counts."""
TIMEOUTS: Final = {"statement_timeout": "10s", "lock_timeout": "5s"}
_LONGEST_NAME: Final = 63
_ROUNDS: Final = 4096
_PASSWORD_BYTES: Final = 32

_TAKE_TURNS: Final = "SELECT pg_advisory_xact_lock(7201, 3)"
_CREATE_GROUP: Final = """
DO $$ BEGIN
    CREATE ROLE {role} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
_FORMER_OWNER: Final = """
SELECT rolname FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner
WHERE pg_class.oid = 'public.events'::regclass
"""
_OBJECTS: Final = """
SELECT format('%s %s', kind, name) FROM (
    SELECT 'TABLE', oid::regclass::text, relowner, relnamespace, oid FROM pg_class
        WHERE relkind IN ('r', 'p')
    UNION ALL
    SELECT 'ROUTINE', oid::regprocedure::text, proowner, pronamespace, oid FROM pg_proc
) AS object (kind, name, owner, namespace, oid)
WHERE namespace = ANY (ARRAY(SELECT oid FROM pg_namespace WHERE nspname = ANY ($1::text[])))
    AND owner = ANY (ARRAY(SELECT oid FROM pg_roles WHERE rolname IN ($2, current_user)))
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = object.oid AND deptype = 'e')
"""
_TABLES: Final = """
SELECT oid::regclass::text, relname = ANY ($2::text[]) AS is_read_only FROM pg_class
WHERE relkind IN ('r', 'p') AND relowner = (SELECT oid FROM pg_roles WHERE rolname = $3)
    AND relnamespace = ANY (ARRAY(SELECT oid FROM pg_namespace WHERE nspname = ANY ($1::text[])))
"""
_SEQUENCES: Final = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'S' AND relowner = (SELECT oid FROM pg_roles WHERE rolname = $2)
    AND relnamespace = ANY (ARRAY(SELECT oid FROM pg_namespace WHERE nspname = ANY ($1::text[])))
"""
_ROUTINES: Final = """
SELECT oid::regprocedure::text, proname = ANY ($1::text[]) AS is_called FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
    AND proowner = (SELECT oid FROM pg_roles WHERE rolname = $2)
"""
_WRITE_GRANT: Final = "INSERT INTO public.event_grants (role, kind, trusts) VALUES ($1, $2, $3)"
_SCHEMAS: Final = ("public", EXCHANGE)


async def set_up_roles(dsn: str, grants: Sequence[Grant]) -> None:
    """Create what is missing of the groups, hand the tables to their owner, write the `grants`.

    `dsn` logs in as whoever made the tables, and may create roles.

    Raises:
        StorageRefused: it may not, or the tables are somebody else's; nothing was changed.
        StoreUnavailable: the database does not answer.
    """
    connection = await connect(dsn)
    try:
        with translating(shown(dsn)):
            async with connection.transaction():
                await connection.execute(_TAKE_TURNS)
                await _create_groups(connection)
                await _hand_over(connection)
                await _open_to_roles(connection)
                await _open_queue(connection)
                await _write_grants(connection, grants)
    except StorageRefused as error:
        raise StorageRefused(
            f"The roles are not set up ({str(error).partition(':')[0]}): let DATABASE_URL name the "
            "user that made the tables, and that may create roles."
        ) from error
    finally:
        await connection.close()


async def new_login(dsn: str, role: str) -> str:
    """Create the login of `role`, or give it a new password; return the address that uses it.

    Raises:
        StorageRefused: the user of `dsn` may not create logins.
        StoreUnavailable: the database does not answer.
    """
    login, password = login_name(role, dsn), secrets.token_urlsafe(_PASSWORD_BYTES)
    connection = await connect(dsn)
    try:
        with translating(shown(dsn)):
            async with connection.transaction():
                await connection.execute(_TAKE_TURNS)
                await _make_login(connection, login, role, verifier=verifier_of(password))
                await _set_timeouts(connection, login, database_name(dsn))
    finally:
        await connection.close()
    return with_login(dsn, login, password)


def login_name(role: str, dsn: str) -> str:
    """Return the login of `role` for the database of `dsn`: logins are the whole server's."""
    database = database_name(dsn)
    name = f"{role}_{database}"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    return f"{role}_{hashlib.sha256(database.encode()).hexdigest()[:16]}"


def verifier_of(password: str, salt: bytes | None = None) -> str:
    """Return what the server keeps of a password (RFC 5803), so that it is never sent itself.

    The password is ASCII; `salt` is drawn where none is given.
    """
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (b64encode(p).decode() for p in (salt, stored, server))
    return f"SCRAM-SHA-256${_ROUNDS}:{salt_text}${stored_text}:{server_text}"


async def _create_groups(connection: asyncpg.Connection) -> None:
    for role in (OWNER, *ROLES):
        await connection.execute(_CREATE_GROUP.format(role=role))


async def _hand_over(connection: asyncpg.Connection) -> None:
    """Give the owner what other users made, which keep their rights as its members."""
    former = await connection.fetchval(_FORMER_OWNER)
    await connection.execute(f"GRANT {OWNER} TO CURRENT_USER")
    if former != OWNER:
        await connection.execute(f"GRANT {OWNER} TO {quoted_name(former)}")
    await connection.execute(f"GRANT USAGE, CREATE ON SCHEMA {', '.join(_SCHEMAS)} TO {OWNER}")
    for record in await connection.fetch(_OBJECTS, list(_SCHEMAS), former):
        await connection.execute(f"ALTER {record[0]} OWNER TO {OWNER}")


async def _open_to_roles(connection: asyncpg.Connection) -> None:
    """Let the roles read everything, write what is folded, and append by the one call."""
    roles = ", ".join(ROLES)
    # A function of one's own in this schema could be taken for one that append_events calls.
    await connection.execute(f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {roles}")
    await connection.execute(f"GRANT USAGE ON SCHEMA {', '.join(_SCHEMAS)} TO {roles}")
    tables = await connection.fetch(_TABLES, list(_SCHEMAS), list(READ_ONLY_TABLES), OWNER)
    for name, is_read_only in tables:
        rights = "SELECT" if is_read_only else "SELECT, INSERT, UPDATE"
        await connection.execute(f"REVOKE ALL ON {name} FROM PUBLIC, {roles}")
        await connection.execute(f"GRANT {rights} ON {name} TO {roles}")
    await connection.execute(f"GRANT DELETE ON {', '.join(PRUNED)} TO {LC_MCP}")
    for (name,) in await connection.fetch(_SEQUENCES, list(_SCHEMAS), OWNER):
        # A backup reads where they stand.
        await connection.execute(f"GRANT SELECT ON SEQUENCE {name} TO {roles}")
    for name, is_called in await connection.fetch(_ROUTINES, list(CALLED), OWNER):
        await connection.execute(f"REVOKE ALL ON ROUTINE {name} FROM PUBLIC, {roles}")
        if is_called:
            await connection.execute(f"GRANT EXECUTE ON ROUTINE {name} TO {roles}")


async def _open_queue(connection: asyncpg.Connection) -> None:
    """Let the jobs pass through the queue of the workers, if the owner has made it."""
    if await connection.fetchval("SELECT to_regnamespace($1)", QUEUE) is None:
        return
    rights = (
        f"USAGE ON SCHEMA {QUEUE}",
        f"SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {QUEUE}",
        f"USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {QUEUE}",
        f"EXECUTE ON ALL ROUTINES IN SCHEMA {QUEUE}",
    )
    for right in rights:
        await connection.execute(f"GRANT {right} TO {LC_MCP}")


async def _write_grants(connection: asyncpg.Connection, grants: Sequence[Grant]) -> None:
    await connection.execute("DELETE FROM public.event_grants")
    rows = [(grant.role, grant.kind, _trusts_of(grant)) for grant in grants]
    await connection.executemany(_WRITE_GRANT, rows)


def _trusts_of(grant: Grant) -> list[str] | None:
    return None if grant.trusts is None else list(grant.trusts)


async def _make_login(
    connection: asyncpg.Connection, login: str, role: str, *, verifier: str
) -> None:
    name = quoted_name(login)
    is_there = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", login)
    verb = "ALTER" if is_there else "CREATE"
    # The verifier has no quote in it: letters, digits and a few signs.
    await connection.execute(f"{verb} ROLE {name} LOGIN INHERIT PASSWORD '{verifier}'")
    await connection.execute(f"GRANT {role} TO {name}")


async def _set_timeouts(connection: asyncpg.Connection, login: str, database: str) -> None:
    """Let no statement and no wait of the login last long, whatever its program asks for."""
    for name, value in TIMEOUTS.items():
        await connection.execute(
            f"ALTER ROLE {quoted_name(login)} IN DATABASE {quoted_name(database)} "
            f"SET {name} = '{value}'"
        )
