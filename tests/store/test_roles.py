"""Roles in a real PostgreSQL: what each may append, and that nothing gets around it (LC003)."""

import base64
import hmac
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from config.ids import random_id
from council.events import FACTS
from council.grants import KINDS_OF, ApprovalMode
from store.addresses import with_database
from store.backups import back_up
from store.errors import MigrationFailed, NotGranted, StorageRefused
from store.event_store import PostgresEventStore
from store.grants import LC_APPROVER, LC_EXEC, LC_MCP, OWNER, ROLES, Grant
from store.migrate import migrate
from store.pool import open_pool
from store.raw_answers import PostgresRawAnswers, Pruned
from store.role_reading import read_roles, ways_around
from store.roles import login_name, new_login, set_up_roles, verifier_of
from tests.builders import NOW
from tests.conftest import copy_database, drop_database, run_apart
from tests.store.builders import make_event
from tests.store.roles import APPEND, Addresses, connected, may_append, raw_event, with_roles

APPROVED = "TradeApproved"
TRUSTS = ("human_direct", "local_user", "client_relayed", "demo", "simulation", None)
ATTACKS = {
    "insert": "INSERT INTO events SELECT * FROM events",
    "update": "UPDATE events SET event_type = 'TradeApproved'",
    "delete": "DELETE FROM events",
    "truncate": "TRUNCATE events",
    "copy": "COPY events FROM PROGRAM 'true'",
    "no trigger": "ALTER TABLE events DISABLE TRIGGER ALL",
    "other trigger": "ALTER TRIGGER events_are_append_only ON events RENAME TO gone",
    "new trigger": "CREATE TRIGGER mine BEFORE INSERT ON events "
    "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "replica": "SET session_replication_role = replica",
    "be the approver": f"SET ROLE {LC_APPROVER}",
    "be the owner": f"SET ROLE {OWNER}",
    "be the superuser": "SET ROLE postgres",
    "have been another": "SET SESSION AUTHORIZATION postgres",
    "grant oneself": f"GRANT {LC_APPROVER} TO CURRENT_USER",
    "grant by a row": "INSERT INTO event_grants VALUES ('lc_mcp', 'TradeApproved', NULL)",
    "widen a row": "UPDATE event_grants SET kind = 'TradeApproved' WHERE role = 'lc_mcp'",
    "forge the check": "CREATE OR REPLACE FUNCTION check_grant(_kind text, _payload jsonb) "
    "RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "forge beside it": "CREATE FUNCTION public.check_grant(_kind text, _payload json) "
    "RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "drop the check": "DROP FUNCTION check_grant",
    "own the log": "ALTER TABLE events OWNER TO CURRENT_USER",
    "open the log": "GRANT INSERT ON events TO CURRENT_USER; INSERT INTO events TABLE events",
    "new role": "CREATE ROLE mine LOGIN SUPERUSER",
    "other password": "ALTER ROLE postgres PASSWORD 'mine'",
    "shadow the schema": "CREATE SCHEMA mine",
    "a rule": "CREATE RULE mine AS ON INSERT TO trades DO ALSO DELETE FROM events",
}
"""By name, statements of a captured process that talks to the database directly."""


@dataclass(frozen=True)
class Granted:
    """A database with its roles: the owner's address, and those of the roles."""

    owner: str
    addresses: Addresses


@pytest.fixture(scope="module")
def strict(cluster_dsn: str, template_database: str) -> Iterator[Granted]:
    """Give the tests of this file one database in strict mode, in which none leaves anything."""
    name = f"roles_{random_id().hex}"
    dsn = with_database(cluster_dsn, name)
    run_apart(lambda: copy_database(cluster_dsn, template_database, name))
    yield Granted(dsn, run_apart(lambda: with_roles(dsn, "strict")))
    run_apart(lambda: drop_database(cluster_dsn, name))


@pytest.fixture
async def captured(strict: Granted) -> AsyncIterator[asyncpg.Connection]:
    """Log in as a model's server that does what it likes."""
    async with connected(strict.addresses[LC_MCP]) as connection:
        yield connection


@pytest.mark.parametrize(
    ("mode", "trusts"),
    [
        ("strict", {LC_MCP: set(), LC_APPROVER: {"human_direct"}, LC_EXEC: set()}),
        (
            "conversational",
            {
                LC_MCP: {"client_relayed"},
                LC_APPROVER: {"human_direct", "local_user", "client_relayed"},
                LC_EXEC: set(),
            },
        ),
    ],
)
async def test_each_role_appends_its_kinds_and_approves_as_far_as_it_can_know(
    database_dsn: str, mode: ApprovalMode, trusts: dict[str, set[str | None]]
) -> None:
    addresses = await with_roles(database_dsn, mode)
    others = [fact for fact in FACTS if fact.__name__ != APPROVED]

    for role in ROLES:
        async with connected(addresses[role]) as connection:
            taken = {fact for fact in others if await may_append(connection, fact.__name__)}
            believed = {
                trust
                for trust in TRUSTS
                if await may_append(connection, APPROVED, **({"trust": trust} if trust else {}))
            }

        assert taken == KINDS_OF[role], role
        assert believed == trusts[role], role


async def test_a_log_with_events_is_guarded_like_an_empty_one(database_dsn: str) -> None:
    addresses = await with_roles(database_dsn, "strict")

    async with connected(database_dsn) as owner:
        await owner.fetch(APPEND, "a", 0, raw_event("WeekStarted"))
    async with connected(addresses[LC_MCP]) as connection:
        assert await may_append(connection, "WeekStarted")
        assert not await may_append(connection, APPROVED, trust="human_direct")


async def test_no_statement_gets_around_the_grants(captured: asyncpg.Connection) -> None:
    refused = {}

    for name, attack in ATTACKS.items():
        try:
            refused[name] = await captured.execute(attack)
        except asyncpg.PostgresError as error:
            refused[name] = str(error.sqlstate)

    assert refused == dict.fromkeys(ATTACKS, "42501")
    assert not await may_append(captured, APPROVED, trust="human_direct")


async def test_a_function_of_ones_own_gets_no_further(captured: asyncpg.Connection) -> None:
    await captured.execute(
        "CREATE FUNCTION pg_temp.append_mine(_events jsonb) RETURNS SETOF record LANGUAGE sql "
        "SECURITY DEFINER AS 'SELECT * FROM public.append_events(''trade-1'', 0, _events)'"
    )
    await captured.execute("CREATE TEMP TABLE event_grants (role text, kind text, trusts text[])")
    await captured.execute("INSERT INTO pg_temp.event_grants VALUES ('lc_mcp', 'TradeApproved')")
    await captured.execute("SET search_path = pg_temp, public")

    with pytest.raises(asyncpg.PostgresError, match=f"may not append {APPROVED}") as refused:
        await captured.execute(
            f"SELECT pg_temp.append_mine('{raw_event(APPROVED, trust='human_direct')}')"
        )

    assert refused.value.sqlstate == "LC003"


async def test_one_forbidden_event_among_others_leaves_none(captured: asyncpg.Connection) -> None:
    events = f"{raw_event('TradeProposed')[:-1]}, {raw_event(APPROVED)[1:]}"

    with pytest.raises(asyncpg.PostgresError, match="may not append"):
        await captured.fetch(APPEND, "trade-1", 0, events)

    assert await captured.fetchval("SELECT count(*) FROM events") == 0


async def test_the_refusal_is_one_sentence_that_says_what_to_do(strict: Granted) -> None:
    pool = await open_pool(
        strict.addresses[LC_MCP], min_size=0, max_size=1, command_timeout_seconds=5
    )
    store = PostgresEventStore(pool, lambda _: ())

    with pytest.raises(NotGranted, match="may not append TradeApproved: nothing was written") as no:
        await store.append("trade-1", [make_event(kind=APPROVED)])
    await pool.close()

    assert no.value.exit_code == 5
    assert "`council db roles`" in str(no.value)


async def test_the_owner_appends_as_before(strict: Granted) -> None:
    async with connected(strict.owner) as connection:
        assert await may_append(connection, APPROVED)
        assert await may_append(connection, "AnythingAtAll")


async def test_a_stranger_may_not_even_call(strict: Granted) -> None:
    stranger = login_name("stranger", strict.owner)
    async with connected(strict.owner) as owner:
        await owner.execute(f"CREATE ROLE {stranger} LOGIN")
        await owner.execute(f"SET SESSION AUTHORIZATION {stranger}")

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.fetch(APPEND, "trade-1", 0, raw_event(APPROVED))


async def test_nothing_that_runs_as_the_owner_is_open_to_everybody(database_dsn: str) -> None:
    sql = """
        SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND prosecdef AND has_function_privilege('public', oid, 'EXECUTE')
    """

    async with connected(database_dsn) as connection:
        assert await connection.fetch(sql) == []


async def test_setting_up_again_changes_the_mode_and_keeps_the_logins(database_dsn: str) -> None:
    before = await with_roles(database_dsn, "conversational")

    await set_up_roles(database_dsn, (Grant(LC_MCP, "TradeProposed"),))

    pool = await open_pool(before[LC_MCP], min_size=0, max_size=1, command_timeout_seconds=5)
    reading = await read_roles(pool)
    await pool.close()
    assert (reading.role, reading.is_owner, reading.closed) == (LC_MCP, False, ())
    assert reading.grants == (Grant(LC_MCP, "TradeProposed"),)


async def test_a_role_starts_on_a_migrated_database_and_leaves_an_older_one_to_the_owner(
    database_dsn: str,
) -> None:
    address = (await with_roles(database_dsn, "strict"))[LC_EXEC]
    assert await migrate(address) == ()
    async with connected(database_dsn) as owner:
        await owner.execute("DELETE FROM schema_migrations WHERE name LIKE '0004%'")

    with pytest.raises(MigrationFailed, match=r"0004_pages\.sql.*`council init-db`"):
        await migrate(address)


async def test_a_table_of_a_later_migration_belongs_to_the_owner_and_is_missed_by_the_roles(
    database_dsn: str,
) -> None:
    address = (await with_roles(database_dsn, "strict"))[LC_MCP]
    async with connected(database_dsn) as owner:
        await owner.execute(f"SET ROLE {OWNER}")
        await owner.execute("CREATE TABLE later (a int)")

    pool = await open_pool(address, min_size=0, max_size=1, command_timeout_seconds=5)
    reading = await read_roles(pool)
    await pool.close()

    assert reading.closed == ("later",)


async def test_a_login_that_could_get_around_is_told_of(database_dsn: str) -> None:
    await with_roles(database_dsn, "strict")
    login = login_name(LC_MCP, database_dsn)

    async with connected(database_dsn) as owner:
        before = await ways_around(owner, login)
        await owner.execute(f"GRANT {LC_APPROVER}, pg_write_all_data TO {login}")
        after = await ways_around(owner, login)

    assert before == ()
    assert after == (
        "may write to the log or the grants past the one call",
        "belongs to more than one role",
    )


async def test_the_servers_login_does_the_daily_upkeep_and_no_other_throws_away(
    database_dsn: str, tmp_path: Path
) -> None:
    addresses = await with_roles(database_dsn, "strict")
    kept: dict[str, Any] = {}

    for role in ROLES:
        pool = await open_pool(addresses[role], min_size=0, max_size=1, command_timeout_seconds=5)
        answers = PostgresRawAnswers(pool)
        await answers.keep("a" * 64, "An answer.", NOW)
        try:
            kept[role] = await answers.prune(NOW + timedelta(seconds=1))
        except StorageRefused:
            kept[role] = None
        await pool.close()
    backup = await back_up(addresses[LC_MCP], tmp_path / "backup", program="1", at=NOW)

    assert kept == {LC_MCP: Pruned(1, 10), LC_APPROVER: None, LC_EXEC: None}
    assert backup.position == 0


async def test_a_role_cannot_set_up_roles(strict: Granted) -> None:
    with pytest.raises(StorageRefused, match="let DATABASE_URL name the user that made the tables"):
        await set_up_roles(strict.addresses[LC_MCP], ())


async def test_the_server_never_sees_a_password(database_dsn: str) -> None:
    await with_roles(database_dsn, "strict")
    address = await new_login(database_dsn, LC_MCP)

    async with connected(database_dsn) as owner:
        kept = await owner.fetchval(
            "SELECT rolpassword FROM pg_authid WHERE rolname = $1",
            login_name(LC_MCP, database_dsn),
        )

    assert kept.startswith("SCRAM-SHA-256$4096:")
    assert address.partition("@")[0].rpartition(":")[2] not in kept


def test_the_verifier_is_that_of_the_standards_example() -> None:
    # RFC 7677, section 3: what the server signs with the key that it keeps.
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    salted = "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    exchanged = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},{salted},c=biws,r={nonce}"

    verifier = verifier_of("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))

    server_key = base64.b64decode(verifier.rpartition(":")[2])
    signed = base64.b64encode(hmac.digest(server_key, exchanged.encode(), "sha256")).decode()
    assert signed == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_a_long_name_of_a_database_still_gives_each_its_own_logins() -> None:
    names = {login_name(LC_MCP, f"postgresql:///{'d' * 60}{number}") for number in range(3)}

    assert len(names) == 3
    assert max(map(len, names)) <= 63
