"""`council db backup|restore|upgrade|import|head|verify --against` as a person types them."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from config.ids import random_id
from mcp_server.cli import run
from store.addresses import with_database, without_password
from store.copies import database_exists, drop_databases
from store.databases import database_name, ensure_database
from store.embedded import embedded_database
from store.event_store import PostgresEventStore
from store.migrate import migrate
from store.pool import open_pool
from tests.conftest import run_apart
from tests.store.builders import make_event

Call = Callable[..., tuple[int, str, str]]
SECRET = "p4ss/word:with@signs"


@pytest.fixture
def call(environment: None, capsys: pytest.CaptureFixture[str]) -> Call:
    def called(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


@pytest.fixture
def logged(database_dsn: str) -> str:
    """Write three events into the test's database; its address."""
    run_apart(lambda: _append(database_dsn, "a", "b", "c"))
    return database_dsn


@pytest.fixture
def second(database_dsn: str) -> Iterator[str]:
    name = f"second_{random_id().hex}"
    yield name
    run_apart(lambda: drop_databases(database_dsn, name))


async def _append(dsn: str, *names: str) -> None:
    pool = await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=10)
    async with pool:
        store = PostgresEventStore(pool, lambda _: ())
        for name in names:
            event = make_event(name, kind="RunCancelled", payload=_PAYLOAD)
            await store.append(f"request-{name}", [event])


_PAYLOAD = {"week_id": "2026-11-18", "run_id": "week-2026-11-18", "number": 1}


def test_a_backup_goes_out_and_comes_back_beside_the_log(
    call: Call, logged: str, second: str, tmp_path: Path
) -> None:
    made = call("db", "backup", str(tmp_path / "one.tar"), "--json")
    restored = call("db", "restore", str(tmp_path / "one.tar"), "--into", second)
    over = call("db", "restore", str(tmp_path / "one.tar"))

    shape = json.loads(made[1])
    assert (made[0], shape["position"], len(shape["hash"])) == (0, 3, 64)
    assert restored[0] == 0
    assert f"The database {second} holds the log of 3 events" in restored[1]
    assert over[0] == 5
    assert "nothing is ever restored over a database" in over[2]


def test_without_a_name_a_backup_gets_one_in_the_folder_for_it(
    call: Call, logged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNCIL_BACKUP_DIR", str(tmp_path / "kept"))

    code, out, _ = call("db", "backup")

    (name,) = os.listdir(tmp_path / "kept")
    assert (code, name in out) == (0, True)
    assert name.startswith(f"{database_name(logged)}-2")


def test_a_file_that_is_none_is_one_sentence_and_exit_code_five(
    call: Call, database_dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "x.tar").write_text("no archive")

    found = [
        call("db", "restore", str(tmp_path / name), "--into", "x") for name in ("x.tar", "y.tar")
    ]

    assert [code for code, _, _ in found] == [5, 5]
    assert "is no whole backup of the council's" in found[0][2]
    assert "y.tar cannot be read (No such file or directory)" in found[1][2]


def test_a_backup_of_which_one_byte_changed_is_refused_and_leaves_no_database(
    call: Call, logged: str, second: str, tmp_path: Path
) -> None:
    file = tmp_path / "one.tar"
    call("db", "backup", str(file))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    code, _, said = call("db", "restore", str(file), "--into", second)

    assert code == 5
    assert "its content is not what was written" in " ".join(said.split())
    assert run_apart(lambda: database_exists(logged, second)) is False


def test_a_head_kept_outside_proves_a_cut_end(call: Call, logged: str) -> None:
    kept = call("db", "head")[1].strip()
    before = call("db", "verify", "--against", kept)
    run_apart(lambda: _execute(logged, "ALTER TABLE events DISABLE TRIGGER ALL"))
    run_apart(lambda: _execute(logged, "DELETE FROM events WHERE position = 3"))

    alone = call("db", "verify")
    after = call("db", "verify", "--against", kept)
    wrong = call("db", "verify", "--against", "third:event")

    assert kept.startswith("3:")
    assert (before[0], alone[0], after[0], wrong[0]) == (0, 0, 1, 2)
    assert "the log ends at position 2, and once reached 3" in after[2]
    assert "write POSITION:HASH" in wrong[2]


def test_upgrading_a_configured_server_is_its_owners_task(call: Call) -> None:
    code, _, said = call("db", "upgrade")

    assert code == 2
    assert "which its owner upgrades" in said


class TestEmbedded:
    @pytest.fixture
    def home(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """Make a home outside pytest's own folder, which pytest closes to the server's user."""
        folder = Path(tempfile.mkdtemp(prefix="council-life-"))
        folder.chmod(0o711)
        monkeypatch.setenv("COUNCIL_HOME", str(folder))
        monkeypatch.delenv("DATABASE_URL")
        yield folder
        shutil.rmtree(folder)

    def test_where_nothing_is_old_nothing_is_upgraded(self, call: Call, home: Path) -> None:
        code, out, _ = call("db", "upgrade")

        assert (code, "Nothing to upgrade" in out) == (0, True)
        assert list(home.iterdir()) == []

    def test_old_files_without_programs_or_backup_say_what_to_name(
        self, call: Call, home: Path
    ) -> None:
        _old_files(home)

        upgraded = call("db", "upgrade")
        started = call("db", "head")

        assert upgraded[0] == started[0] == 2
        assert "`--old-bin DIR`" in upgraded[2]
        assert "`--from FILE`" in upgraded[2]
        assert "made by PostgreSQL 9, not 18: run `council db upgrade`" in started[2]

    def test_there_must_be_something_to_import(self, call: Call, home: Path) -> None:
        nothing = call("db", "import", "postgresql://x@127.0.0.1:1/y")
        nowhere = call("db", "import")

        assert (nothing[0], nowhere[0]) == (2, 2)
        assert "There is no embedded database" in nothing[2]
        assert "Name the server" in nowhere[2]
        assert list(home.iterdir()) == []

    @pytest.mark.slow
    def test_old_files_without_programs_take_the_newest_backup_and_are_kept(
        self, call: Call, home: Path
    ) -> None:
        run_apart(lambda: _embedded_log(home))
        made = call("db", "backup")
        shutil.rmtree(home / "postgres")
        _old_files(home)

        unasked = call("db", "upgrade")
        code, out, said = call("db", "upgrade", "--yes")
        head = call("db", "head")

        assert made[0] == 0, made
        assert (unasked[0], "add --yes" in unasked[2]) == (2, True)
        assert code == 0, said
        assert "PostgreSQL 9 became 18" in out
        assert "3 events. What came after it stays in the old files alone" in " ".join(said.split())
        assert head[1].startswith("3:")
        assert os.listdir(home / "postgres" / "data-9") == ["PG_VERSION"]

    @pytest.mark.slow
    def test_the_embedded_log_moves_to_a_server_and_no_output_has_its_password(
        self, call: Call, home: Path, cluster_dsn: str, second: str
    ) -> None:
        run_apart(lambda: _embedded_log(home))
        target = cluster_dsn.replace(
            "postgres@", f"postgres:{SECRET.replace('/', '%2F')}@"
        ).replace("/postgres?", f"/{second}?")
        target = target.replace("word:with@signs", "word%3Awith%40signs")

        code, out, said = call("db", "import", target)
        again = call("db", "import", target, "--json")
        run_apart(lambda: _embedded_log(home, "d", accounts=2))
        grown = call("db", "import", target, "--json")

        assert code == 0, said
        assert json.loads(grown[1])["copied"] == 1
        arrived = with_database(cluster_dsn, second)
        assert run_apart(lambda: _value(arrived, "SELECT count(*) FROM exchange.accounts")) == 2
        assert "holds the log of 3 events now, 3 of them copied this time" in " ".join(out.split())
        assert json.loads(again[1])["copied"] == 0
        assert json.loads(again[1])["setting"].startswith("DATABASE_URL=postgresql://postgres:PASS")
        for text in (out, said, *again[1:], *grown[1:]):
            assert SECRET not in text
            assert "p4ss" not in text


def _old_files(home: Path) -> None:
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (home / "postgres").chmod(0o711)
    (data / "PG_VERSION").write_text("9\n")


async def _embedded_log(home: Path, *names: str, accounts: int = 1) -> None:
    async with embedded_database(home) as dsn:
        await migrate(await ensure_database(dsn))
        await _append(dsn, *(names or ("a", "b", "c")))
        await _execute(dsn, "DROP SCHEMA IF EXISTS exchange CASCADE; CREATE SCHEMA exchange")
        series = f"SELECT generate_series(1, {accounts})"
        await _execute(dsn, f"CREATE TABLE exchange.accounts AS {series}")


async def _value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        (
            "postgresql://u:p%40@h:5/d?sslmode=require",
            "postgresql://u:PASSWORD@h:5/d?sslmode=require",
        ),
        ("postgresql://u@h/d?password=p&host=/a/b", "postgresql://u:PASSWORD@h/d?host=/a/b"),
        ("postgresql://u@/d?host=/a/b", "postgresql://u@/d?host=/a/b"),
    ],
)
def test_an_address_is_shown_without_its_password(dsn: str, shown: str) -> None:
    assert without_password(dsn, "PASSWORD") == shown
    assert "p%40" not in without_password(dsn)
