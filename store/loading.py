"""A dump of `pg_dump` loaded into a server, as a whole or not at all, whatever its version.

`pg_restore` begins with a setting that servers before 17 do not know. For those it writes a script
instead, which `psql` runs without that line.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Final

import asyncpg

from store.client_programs import client_programs, run_program

_KNOWS_ALL: Final = 17
_UNKNOWN: Final = b"SET transaction_timeout = 0;"
_HEADER_LINES: Final = 40
"""So far down the settings are looked for: what is below may be somebody's text."""
_PLAIN: Final = ("--no-owner", "--no-privileges")
_ANEW: Final = ("--clean", "--if-exists")


async def load_dump(
    dump: Path, connection: asyncpg.Connection, dsn: str, *, anew: bool = False
) -> None:
    """Load `dump` in one transaction into the database at `dsn`, which `connection` is open to.

    Whose things are, and who may do what, is left out. With `anew` what is there of it goes first.

    Raises:
        ProgramMissing, ProgramFailed: PostgreSQL's own programs are not there, or gave up.
        StorageRefused: a disk is full, or a right is lacking.
    """
    major = connection.get_server_version().major
    programs = await asyncio.to_thread(client_programs, major)
    wanted = (*_PLAIN, *(_ANEW if anew else ()))
    if major >= _KNOWS_ALL:
        options = (*wanted, "--exit-on-error", "--single-transaction")
        await run_program(programs / "pg_restore", *options, str(dump), dsn=dsn)
        return
    script, fitting = dump.with_suffix(".sql"), dump.with_suffix(".fitting.sql")
    await run_program(programs / "pg_restore", *wanted, f"--file={script}", str(dump))
    await asyncio.to_thread(without_unknown, script, fitting)
    options = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction")
    await run_program(programs / "psql", *options, f"--file={fitting}", dsn=dsn)


def without_unknown(script: Path, fitting: Path) -> None:
    """Write to `fitting` what is in `script`, without the setting of newer servers."""
    with script.open("rb") as lines, fitting.open("wb") as out:
        for _ in range(_HEADER_LINES):
            line = lines.readline()
            if line.rstrip() != _UNKNOWN:
                out.write(line)
        shutil.copyfileobj(lines, out)
    script.unlink()
