"""Backups as files: whole and private, or refused with nothing left half (rows D3 and D8)."""

import asyncio
import errno
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from config.ids import random_id
from store.addresses import with_database
from store.backup_files import Manifest, folder_beside, read_manifest, seal, unpack
from store.backups import back_up, restore
from store.copies import database_exists, drop_databases
from store.databases import database_name, ensure_database
from store.errors import (
    BackupDamaged,
    DatabaseAddressRefused,
    DatabaseInUse,
    LogInTheWay,
    ProgramMissing,
    StorageRefused,
)
from store.event_store import PostgresEventStore
from store.events import StoredEvent
from store.migrate import MIGRATIONS, migrate
from store.pool import StorePool, open_pool
from store.projector import ChainReport, verify
from tests.conftest import drop_database, run_apart
from tests.store.builders import credited, make_event, opened, project_ledger

Found = tuple[list[StoredEvent], ChainReport, tuple[dict[str, object], ...]]
AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@pytest.fixture
def fresh_name(cluster_dsn: str) -> Iterator[str]:
    name = f"restored_{random_id().hex}"
    yield name
    run_apart(lambda: drop_database(cluster_dsn, name))


@pytest.fixture
async def backup(
    pool: StorePool, postgres_store: PostgresEventStore, database_dsn: str, tmp_path: Path
) -> Path:
    odd = {"text": "Grüße \\u0000 ☃ \x01", "n": 0.1, "deep": [[], {}, None, True], "a": -5}
    await postgres_store.append("a", [opened("X"), credited("X", "1.50")])
    await postgres_store.append("b", [make_event("odd", payload=odd)])
    file = tmp_path / "kept" / "council.tar"
    await back_up(database_dsn, file, program="0.1.0", at=AT)
    return file


async def restored(file: Path, dsn: str, name: str) -> str:
    return (await restore(file, dsn, name, project=project_ledger, tables=("ledger",))).dsn


async def read_all(dsn: str) -> Found:
    pool = await open_pool(dsn, min_size=1, max_size=2, command_timeout_seconds=10)
    async with pool:
        store = PostgresEventStore(pool, project_ledger)
        events = [event async for event in store.read_all()]
        return events, await verify(pool), await store.rows("ledger")


async def test_what_is_restored_is_what_was_backed_up_event_for_event(
    backup: Path, database_dsn: str, fresh_name: str
) -> None:
    before = await read_all(database_dsn)

    dsn = await restored(backup, database_dsn, fresh_name)

    assert await read_all(dsn) == before
    assert before[1].events == 3
    assert dsn == with_database(database_dsn, fresh_name)


async def test_the_manifest_names_the_head_of_the_log_and_the_file_is_its_owners_alone(
    backup: Path, pool: StorePool, database_dsn: str
) -> None:
    manifest = read_manifest(backup)
    report = await verify(pool)

    assert (manifest.position, manifest.head) == (3, report.head)
    assert manifest.migration == max(path.name for path in MIGRATIONS.glob("*.sql"))
    assert manifest.database == database_name(database_dsn)
    assert manifest.made_at == AT
    assert _mode(backup) == 0o600
    assert os.listdir(backup.parent) == [backup.name]


async def test_a_backup_of_nothing_restores_to_nothing(
    database_dsn: str, pool: StorePool, fresh_name: str, tmp_path: Path
) -> None:
    manifest = await back_up(database_dsn, tmp_path / "empty.tar", program="0.1.0", at=AT)

    dsn = await restored(tmp_path / "empty.tar", database_dsn, fresh_name)

    assert (manifest.position, manifest.head) == (0, "")
    assert (await read_all(dsn))[0] == []


async def test_a_backup_of_a_log_that_grows_is_whole_up_to_its_head_and_nobody_waits(
    database_dsn: str, postgres_store: PostgresEventStore, fresh_name: str, tmp_path: Path
) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def write() -> int:
        number = 0
        while not over.is_set():
            await postgres_store.append("growing", [make_event(str(number))], number)
            begun.set()
            number += 1
        return number

    writing = asyncio.create_task(write())
    await begun.wait()
    manifest = await back_up(database_dsn, tmp_path / "one.tar", program="0.1.0", at=AT)
    over.set()
    written = await writing

    dsn = await restored(tmp_path / "one.tar", database_dsn, fresh_name)

    events, report, _ = await read_all(dsn)
    assert (len(events), report.head or "") == (manifest.position, manifest.head)
    assert report.is_intact
    assert 0 < manifest.position < written


async def test_a_backup_is_never_written_over(backup: Path, database_dsn: str) -> None:
    before = _content(backup)

    with pytest.raises(StorageRefused, match="no backup is written over: name another file"):
        await back_up(database_dsn, backup, program="0.1.0", at=AT)

    assert _content(backup) == before


async def test_a_full_disk_leaves_no_backup_and_the_database_as_it_was(
    database_dsn: str, pool: StorePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("store.backup_files.os.fsync", full)

    with pytest.raises(StorageRefused, match=r"No space left.*nothing was kept"):
        await back_up(database_dsn, tmp_path / "kept" / "x.tar", program="0.1.0", at=AT)

    assert list((tmp_path / "kept").iterdir()) == []
    assert (await verify(pool)).is_intact


async def test_without_pg_dump_one_sentence_says_what_to_install(
    database_dsn: str, pool: StorePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.client_programs._embedded", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ProgramMissing, match="no pg_dump for a server of PostgreSQL 18: install"):
        await back_up(database_dsn, tmp_path / "x.tar", program="0.1.0", at=AT)

    assert not (tmp_path / "x.tar").exists()


async def test_a_log_is_never_restored_over(
    backup: Path, database_dsn: str, postgres_store: PostgresEventStore
) -> None:
    before = await read_all(database_dsn)

    with pytest.raises(LogInTheWay, match=r"a log of 3 events.*`--into NAME`"):
        await restored(backup, database_dsn, database_name(database_dsn))

    assert await read_all(database_dsn) == before


async def test_somebody_elses_tables_are_never_restored_over(
    backup: Path, database_dsn: str, fresh_name: str
) -> None:
    dsn = await ensure_database(database_dsn, fresh_name)
    await _execute(dsn, "CREATE TABLE photos (a int)")

    with pytest.raises(LogInTheWay, match="holds 1 tables that are not the council's"):
        await restored(backup, database_dsn, fresh_name)

    await _execute(dsn, "INSERT INTO photos VALUES (1)")


async def test_somebody_elses_tables_beside_an_empty_log_are_never_restored_over(
    backup: Path, database_dsn: str, fresh_name: str
) -> None:
    dsn = await ensure_database(database_dsn, fresh_name)
    await migrate(dsn)
    await _execute(dsn, "CREATE SCHEMA album; CREATE TABLE album.photos (a int)")
    await _execute(dsn, "CREATE SCHEMA exchange; CREATE TABLE exchange.orders (a int)")

    with pytest.raises(LogInTheWay, match="holds 1 tables that are not the council's"):
        await restored(backup, database_dsn, fresh_name)

    await _execute(dsn, "INSERT INTO album.photos VALUES (1)")


async def test_a_name_of_which_postgresql_would_take_the_beginning_is_refused(
    backup: Path, database_dsn: str
) -> None:
    longest = f"restored_{random_id().hex * 2}"[:59]
    try:
        await restored(backup, database_dsn, longest)

        with pytest.raises(DatabaseAddressRefused, match="at most 59 bytes"):
            await restored(backup, database_dsn, f"{longest}more")

        assert (await read_all(with_database(database_dsn, longest)))[1].events == 3
    finally:
        await drop_databases(database_dsn, longest)


async def test_an_empty_council_database_takes_the_backup_unless_somebody_is_connected(
    backup: Path, database_dsn: str, fresh_name: str
) -> None:
    dsn = await ensure_database(database_dsn, fresh_name)
    await migrate(dsn)
    somebody = await asyncpg.connect(dsn)

    with pytest.raises(DatabaseInUse, match="stop the council's processes first"):
        await restored(backup, database_dsn, fresh_name)
    await somebody.close()
    await restored(backup, database_dsn, fresh_name)

    assert (await read_all(dsn))[1].events == 3


def _mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def _content(file: Path) -> bytes:
    return file.read_bytes()


def _harmed(file: Path, whole: bytes, harm: Callable[[Path], None]) -> None:
    file.write_bytes(whole)
    harm(file)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _foreign(file: Path) -> None:
    file.write_text("no archive at all")


def _without_manifest(file: Path) -> None:
    with tarfile.open(file, "w:") as archive:
        archive.addfile(tarfile.TarInfo("other"), io.BytesIO())
    with file.open("r+b") as sealed:
        seal(sealed)


async def test_a_damaged_file_is_refused_and_leaves_no_database(
    backup: Path, database_dsn: str, fresh_name: str
) -> None:
    whole = _content(backup)

    for harm in (_cut, _flipped, _foreign, _without_manifest, Path.unlink):
        _harmed(backup, whole, harm)

        with pytest.raises(BackupDamaged, match=r"council\.tar"):
            await restored(backup, database_dsn, fresh_name)

    assert not await database_exists(database_dsn, fresh_name)
    assert not await database_exists(database_dsn, f"{fresh_name}$new")


async def test_a_file_of_which_any_byte_changed_is_refused(backup: Path, tmp_path: Path) -> None:
    whole = _content(backup)
    unpack(backup, tmp_path / "whole.dump")

    for place in {*range(0, len(whole), 997), *range(len(whole) - 70, len(whole))}:
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        _harmed(backup, changed, lambda _: None)

        with pytest.raises(BackupDamaged, match="its content is not what was written"):
            unpack(backup, tmp_path / "harmed.dump")

    assert not (tmp_path / "harmed.dump").exists()


async def test_a_log_that_is_not_the_manifests_is_refused_and_leaves_no_database(
    backup: Path, database_dsn: str, fresh_name: str
) -> None:
    _rewritten(backup, position=4)

    with pytest.raises(BackupDamaged, match="ends with event 3 and not, as its manifest says"):
        await restored(backup, database_dsn, fresh_name)

    assert not await database_exists(database_dsn, fresh_name)
    assert not await database_exists(database_dsn, f"{fresh_name}$new")


def test_what_a_killed_backup_left_is_removed_by_the_next_one_a_day_later(tmp_path: Path) -> None:
    old, young = [tmp_path / f".council-backup-{name}" for name in ("old", "young")]
    for folder in (old, young):
        folder.mkdir()
        (folder / "council.dump").write_text("half")
    day_before = tmp_path.stat().st_mtime - timedelta(hours=25).total_seconds()
    os.utime(old, (day_before, day_before))

    with folder_beside(tmp_path / "x.tar"):
        left = {path.name for path in tmp_path.iterdir()}

    assert (old.name in left, young.name in left, len(left)) == (False, True, 2)


async def test_a_backup_of_a_damaged_log_is_refused_and_names_the_position(
    backup: Path, pool: StorePool, database_dsn: str, fresh_name: str
) -> None:
    await pool.execute("ALTER TABLE events DISABLE TRIGGER ALL")
    await pool.execute("UPDATE events SET payload = '{}' WHERE position = 2")
    damaged = backup.with_name("damaged.tar")
    await back_up(database_dsn, damaged, program="0.1.0", at=AT)

    with pytest.raises(BackupDamaged, match=r"damaged at position 2.*Take an earlier one"):
        await restored(damaged, database_dsn, fresh_name)

    assert not await database_exists(database_dsn, fresh_name)


def _rewritten(file: Path, **changes: object) -> None:
    """Put another manifest into the file, with a seal that fits."""
    with tarfile.open(file) as archive:
        parts = {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]  # both are files
    manifest = Manifest.model_validate_json(parts["manifest.json"])
    body = json.loads(manifest.model_copy(update=changes).model_dump_json())
    parts["manifest.json"] = json.dumps(body).encode()
    with tarfile.open(file, "w:") as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with file.open("r+b") as sealed:
        seal(sealed)


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
