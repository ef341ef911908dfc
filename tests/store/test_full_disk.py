"""A disk that is full (row D3): said at once, nothing written, and well again without a restart."""

import os
import random
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from config.ids import random_id
from store.errors import StorageRefused
from store.event_store import PostgresEventStore
from store.events import NewEvent, StoredEvent
from store.pool import StorePool
from store.projector import verify
from store.server_user import server_user_for
from tests.store.builders import make_event, project_ledger

DISK = "24m"
LEFT_FREE_BYTES = 400_000
TEXT_LETTERS = 1_500
MOST_EVENTS = 1_000
"""Far more than fit."""


@pytest.fixture
def small_disk(council_home: Path) -> Iterator[Path]:
    """Mount a small file system, which takes the right to mount."""
    folder = council_home / f"small_{random_id().hex}"
    folder.mkdir()
    mounted = _run("mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder))
    if mounted.returncode:
        why = mounted.stderr.strip()
        pytest.skip(f"a disk that fills is made by mounting, which is not allowed here: {why}")
    yield folder
    _run("umount", "--lazy", str(folder))


@pytest.fixture
async def full_disk(pool: StorePool, small_disk: Path) -> AsyncIterator[Path]:
    """Let the events lie on the small disk, which is nearly full."""
    server_user_for(Path(await pool.fetchval("SHOW data_directory"))).own(small_disk)
    await pool.execute(f"CREATE TABLESPACE {small_disk.name} LOCATION '{small_disk}'")
    await pool.execute(f"ALTER TABLE events SET TABLESPACE {small_disk.name}")
    _fill(small_disk)
    yield small_disk
    await pool.execute("ALTER TABLE events SET TABLESPACE pg_default")
    await pool.execute(f"DROP TABLESPACE {small_disk.name}")


async def test_a_full_disk_is_said_at_once_and_writes_go_on_once_there_is_room(
    pool: StorePool, full_disk: Path
) -> None:
    naps: list[timedelta] = []

    async def nap(duration: timedelta) -> None:
        naps.append(duration)

    store = PostgresEventStore(pool, project_ledger, sleep=nap)
    server = await pool.fetchval("SELECT pg_postmaster_start_time()")

    fitting = await _append_until_full(store)
    refused = _large(len(fitting))
    with pytest.raises(StorageRefused, match="nothing was written") as caught:
        await store.append("s", [refused], len(fitting))
    (full_disk / "filler").unlink()
    (stored,) = await store.append("s", [refused], len(fitting))

    assert isinstance(caught.value.__cause__, asyncpg.DiskFullError)
    assert caught.value.__cause__.sqlstate == "53100"
    assert naps == []
    assert await store.read_stream("s") == (*fitting, stored)
    assert (await verify(pool)).is_intact
    assert await pool.fetchval("SELECT pg_postmaster_start_time()") == server


async def _append_until_full(store: PostgresEventStore) -> tuple[StoredEvent, ...]:
    for number in range(MOST_EVENTS):
        try:
            await store.append("s", [_large(number)], number)
        except StorageRefused:
            return await store.read_stream("s")
    pytest.fail("the disk did not fill")


def _large(number: int) -> NewEvent:
    # Letters of chance: what repeats itself would be stored compressed.
    text = random.Random(number).randbytes(TEXT_LETTERS // 2).hex()  # noqa: S311 - no secret
    return make_event(str(number), payload={"text": text})


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which(program) or program
    return subprocess.run((found, *arguments), check=False, capture_output=True, text=True)


def _fill(folder: Path) -> None:
    found = os.statvfs(folder)
    with (folder / "filler").open("wb") as filler:
        filler.write(bytes(found.f_bavail * found.f_frsize - LEFT_FREE_BYTES))
