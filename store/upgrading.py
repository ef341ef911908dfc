"""The embedded cluster brought to the installed major version of PostgreSQL, beside the old one.

The old programs are needed to read the old files: all databases are then dumped and loaded. Where
they are gone, a backup is loaded instead, and what came after it stays in the old files. Either way
the new cluster is made beside, proved, and put in place by renaming; the old files stay.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.errors import UsageError
from store.addresses import shown, with_database
from store.chain import START, ChainPoint, head_of
from store.client_programs import client_programs, major_of, run_program
from store.cluster import Cluster
from store.databases import ensure_database, maintenance
from store.errors import DatabaseNotMigrated, LogDamaged
from store.faults import translating
from store.pool import connect, open_pool
from store.projector import verify
from store.server_files import MAJOR_VERSION, ROOT_PLACES

_DATABASES: Final = (
    "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' "
    'ORDER BY datname COLLATE "C"'
)
_FRESH: Final = "upgraded"
_USUAL: Final = (
    "/usr/lib/postgresql/{}/bin",
    "/usr/pgsql-{}/bin",
    "/opt/homebrew/opt/postgresql@{}/bin",
)

Fill = Callable[[str], Awaitable[None]]
"""Loads what is to be kept into the new server, which has nothing yet; gets its address."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """Where the old files lie now, and which version made them."""

    old_major: int
    kept: Path


def outdated(folder: Path) -> int | None:
    """Return the major version of the cluster in `folder`, or None where it is no old one."""
    found = Cluster(folder).made_by()
    return int(found) if found is not None and found != str(MAJOR_VERSION) else None


def old_programs(major: int, asked: Path | None) -> Path | None:
    """Return the folder of the programs of version `major`: the one `asked` for, or a usual one.

    Raises:
        UsageError: `asked` holds no server of that version.
    """
    if asked is not None:
        if major_of(asked / "postgres") != major:
            raise UsageError(
                f"{asked} holds no server of PostgreSQL {major}, which made the old files: name "
                "the folder with its `postgres` and `pg_ctl`."
            )
        return asked
    usual = [Path(place.format(major)) for place in _USUAL]
    # Where root starts the server, the programs of every version that ran were copied here.
    copies = [found for place in ROOT_PLACES for found in _copies(place, major)]
    return next((one for one in (*usual, *copies) if major_of(one / "postgres") == major), None)


async def upgrade_with(programs: Path, folder: Path, major: int) -> Upgraded:
    """Move every database of the cluster in `folder` with the old `programs`; the old files stay.

    Raises:
        DatabaseInUse: other processes use the cluster.
        EmbeddedUnavailable: the old or the new server does not start.
        ProgramFailed, StorageRefused: a database cannot be moved, or the disk is full.
        LogDamaged: a log did not arrive as it was.
    """
    old = Cluster(folder, binaries=programs, major=major)
    use = await asyncio.to_thread(old.enter)
    try:
        use.take_alone()
        with _fresh_beside(old) as fresh:
            await _filled(fresh, lambda dsn: _moved(use.dsn, dsn))
            await asyncio.to_thread(old.stop)
            return _swapped(old, fresh, major)
    finally:
        # The old server may be gone already; then there is nobody left to stop.
        await asyncio.shield(asyncio.to_thread(use.leave))


async def upgrade_from(fill: Fill, folder: Path, major: int) -> Upgraded:
    """Make a new cluster in `folder` with what `fill` loads into it; the old files stay.

    Raises:
        EmbeddedUnavailable: the new server does not start.
        CouncilError: whatever `fill` raises; the old files are in place then.
    """
    old = Cluster(folder, major=major)
    with old.alone(), _fresh_beside(old) as fresh:
        await _filled(fresh, fill)
        return _swapped(old, fresh, major)


def _copies(place: Path, major: int) -> list[Path]:
    with suppress(OSError):
        return sorted(place.glob(f"programs-*/*/pginstall{major}/bin"), reverse=True)
    return []


@contextmanager
def _fresh_beside(old: Cluster) -> Iterator[Cluster]:
    """Give the place of the new cluster, without leftovers, and clear it in the end."""
    fresh = Cluster(old.folder / _FRESH)
    _cleared(fresh)
    try:
        yield fresh
    finally:
        _cleared(fresh)


def _cleared(fresh: Cluster) -> None:
    if fresh.folder.exists():
        with suppress(OSError):
            fresh.stop()
        shutil.rmtree(fresh.folder, ignore_errors=True)


async def _filled(fresh: Cluster, fill: Fill) -> None:
    """Start the new server, let `fill` load it, and stop it."""
    use = await asyncio.to_thread(fresh.enter)
    try:
        await fill(use.dsn)
    finally:
        await asyncio.shield(asyncio.to_thread(use.leave))


def _swapped(old: Cluster, fresh: Cluster, major: int) -> Upgraded:
    return Upgraded(major, old.put_in_place(fresh))


async def _moved(old_dsn: str, new_dsn: str) -> None:
    """Move roles and databases; each log must arrive with the head that it had."""
    binaries = await asyncio.to_thread(client_programs, MAJOR_VERSION)
    with tempfile.TemporaryDirectory(prefix="council-upgrade-") as place:
        roles = Path(place) / "roles.sql"
        await run_program(binaries / "pg_dumpall", "--roles-only", f"--file={roles}", dsn=old_dsn)
        # It goes on after what is there already, such as the role that the server began with.
        await run_program(binaries / "psql", "--quiet", f"--file={roles}", dsn=new_dsn)
        for name in await _databases(old_dsn):
            source, target = with_database(old_dsn, name), await ensure_database(new_dsn, name)
            dump = Path(place) / "database.dump"
            await run_program(binaries / "pg_dump", "--format=custom", f"--file={dump}", dsn=source)
            options = ("--exit-on-error", "--single-transaction", "--no-owner")
            await run_program(binaries / "pg_restore", *options, str(dump), dsn=target)
            dump.unlink()
            await _compared(name, source, target)


async def _databases(dsn: str) -> tuple[str, ...]:
    async with maintenance(dsn) as server:
        return tuple(row["datname"] for row in await server.fetch(_DATABASES))


async def _compared(name: str, source: str, target: str) -> None:
    before, after = await _head(source), await _head(target)
    if before != after:
        raise LogDamaged(
            f"The log of the database {name} ended at {before} and arrived as {after}: the old "
            "files are as they were."
        )
    if after == START:
        return
    pool = await open_pool(target, min_size=1, max_size=1, command_timeout_seconds=3600)
    async with pool:
        report = await verify(pool)
    if not report.is_intact:
        raise LogDamaged(
            f"The log of the database {name} is damaged at position {report.first_bad_position} "
            f"({report.reason}): the old files are as they were; restore a backup."
        )


async def _head(dsn: str) -> ChainPoint:
    connection = await connect(dsn)
    try:
        with translating(shown(dsn)):
            return await head_of(connection)
    except DatabaseNotMigrated:
        return START
    finally:
        connection.terminate()
