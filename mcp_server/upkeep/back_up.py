"""The daily backup into COUNCIL_BACKUP_DIR, of which the newest of each day and month are kept."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Final

from council.upkeep_facts import BackupMade
from mcp_server.upkeep.backup_names import backup_name, superfluous
from mcp_server.upkeep.record import had_today, record, upkeep_of, week_now
from mcp_server.wiring import App
from store.backup_files import Manifest
from store.backups import back_up as back_up_database
from store.databases import database_name

DAILY_KEPT: Final = 14
MONTHLY_KEPT: Final = 12


async def back_up(app: App) -> str:
    """Make today's backup and remove what is not kept any more; return a sentence on it.

    Raises:
        StorageRefused: the folder cannot be written, or its disk is full.
        ProgramMissing, ProgramFailed: `pg_dump` is not there, or gave up.
    """
    folder = app.settings.council_backup_dir
    if folder is None:
        return "no backup is made, as COUNCIL_BACKUP_DIR is not set"
    made = await upkeep_of(app.deps, BackupMade)
    if had_today(app.deps, made):
        return f"the backup of today is {made[-1][1].file}"
    file, manifest = await _made(app, folder)
    removed = await asyncio.to_thread(_thinned, folder, database_name(app.dsn))
    return (
        f"{file} holds the log up to position {manifest.position}; {removed} older backups were "
        "removed"
    )


async def _made(app: App, folder: Path) -> tuple[Path, Manifest]:
    """Back the database up into a new file in `folder`, and record it."""
    now = app.deps.clock.now()
    target = folder / backup_name(database_name(app.dsn), now)
    program = version("llm-trading-council")
    manifest = await back_up_database(app.dsn, target, program=program, at=now)
    fact = BackupMade(
        week_id=week_now(app.deps),
        file=target.name,
        bytes=await asyncio.to_thread(_size, target),
        position=manifest.position,
        head=manifest.head,
    )
    await record(app.deps, fact)
    return target, manifest


def _size(file: Path) -> int:
    return file.stat().st_size


def _thinned(folder: Path, database: str) -> int:
    names = [path.name for path in folder.iterdir()]
    gone = superfluous(names, database, daily=DAILY_KEPT, monthly=MONTHLY_KEPT)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    return len(gone)
