"""A server of somebody else's: PostgreSQL over TCP with a password, as DATABASE_URL names it."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from config.errors import CouncilError
from store.databases import ensure_database
from store.errors import DatabaseAddressRefused, LoginRefused, StoreUnavailable
from store.event_store import PostgresEventStore
from store.locks import PostgresLocks
from store.migrate import migrate
from store.pool import open_pool
from store.projector import verify
from store.server_files import programs
from store.server_user import server_user_for
from tests.store.builders import make_event

PASSWORD = "s3cret/with:odd@signs"
QUOTED = "s3cret%2Fwith%3Aodd%40signs"


@pytest.fixture(scope="module")
def external_port(council_home: Path) -> Iterator[int]:
    """Run a server that asks for a password on a free loopback port."""
    folder = council_home / "external"
    folder.mkdir()
    user = server_user_for(folder / "pg")
    (folder / "password").write_text(PASSWORD)
    user.own(folder)
    council_home.chmod(0o711)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            (str(programs(user) / program), "-D", str(folder / "pg"), *arguments),
            check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, **user.credentials,
        )  # fmt: skip

    (folder / "password").chmod(0o644)
    run("initdb", "-U", "owner", "-A", "scram-sha-256", f"--pwfile={folder}/password", "--no-sync")
    options = f"-h 127.0.0.1 -p {port} -k {folder} -F"
    run("pg_ctl", "start", "-w", "-s", "-l", str(folder / "log"), "-o", options)
    yield port
    run("pg_ctl", "stop", "-w", "-s", "-m", "immediate")


async def test_the_whole_store_works_over_tcp_with_a_password(external_port: int) -> None:
    dsn = await ensure_database(f"postgresql://owner:{QUOTED}@127.0.0.1:{external_port}/council")
    await migrate(dsn)
    pool = await open_pool(dsn, min_size=1, max_size=2, command_timeout_seconds=10)
    store = PostgresEventStore(pool, lambda _: ())

    stored = await store.append("a", [make_event()])
    subscribed = [await anext(store.subscribe())]
    async with aclosing(PostgresLocks(dsn)) as locks, locks.exclusive("x") as held:
        report = await verify(pool)

    assert tuple(subscribed) == stored
    assert held
    assert report.is_intact
    await pool.close()


@pytest.mark.parametrize(
    ("login", "database", "kind", "told"),
    [
        ("owner:wr0ng", "postgres", LoginRefused, "refused the login: check user and password"),
        (f"nobody-here:{QUOTED}", "postgres", LoginRefused, "refused the login"),
        (f"owner:{QUOTED}", "missing", StoreUnavailable, "does not exist"),
    ],
)
async def test_a_refused_connection_is_one_sentence_without_the_password(
    external_port: int, *, login: str, database: str, kind: type[CouncilError], told: str
) -> None:
    dsn = f"postgresql://{login}@127.0.0.1:{external_port}/{database}"

    with pytest.raises(kind, match=told) as caught:
        await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=10)

    assert "s3cret" not in str(caught.value)
    assert "wr0ng" not in str(caught.value)
    assert f"127.0.0.1:{external_port}" in str(caught.value)


async def test_a_server_that_is_down_is_one_sentence_without_the_password() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # Bound but not listening: whoever connects is refused.
        dsn = f"postgresql://owner:{QUOTED}@127.0.0.1:{nobody.getsockname()[1]}/council"

        for attempt in (_open(dsn), migrate(dsn), ensure_database(dsn, "x"), _lock(dsn)):
            with pytest.raises(StoreUnavailable, match="does not answer") as caught:
                await attempt
            assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["mysql://x/y", "council", "postgresql://host:port/x", ""])
async def test_an_address_that_is_none_is_refused(dsn: str) -> None:
    with pytest.raises(DatabaseAddressRefused):
        await _open(dsn)
    with pytest.raises(DatabaseAddressRefused):
        await ensure_database(dsn, "x")


async def _open(dsn: str) -> None:
    await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=10)


async def _lock(dsn: str) -> None:
    async with aclosing(PostgresLocks(dsn)) as locks, locks.exclusive("x"):
        pass
