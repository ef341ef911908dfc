"""PostgreSQL's own programs for whole databases, found and run: `pg_dump` and `pg_restore`.

Those of the embedded package are taken, unless the server is newer than they are: `pg_dump` reads
older servers only. A password travels in the environment, where no list of processes shows it.
"""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from store.addresses import password_in, shown, without_password
from store.errors import (
    EmbeddedUnavailable,
    LoginRefused,
    ProgramFailed,
    ProgramMissing,
    StorageRefused,
    StoreUnavailable,
)
from store.server_files import MAJOR_VERSION, programs
from store.server_user import ServerUser

CONNECT_TIMEOUT_SECONDS: Final = 10
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_ERROR: Final = re.compile("error:", re.IGNORECASE)
_SAID: Final = (
    ("password authentication failed", LoginRefused),
    ("no password supplied", LoginRefused),
    ("connection to server", StoreUnavailable),
    ("No space left on device", StorageRefused),
    ("could not extend file", StorageRefused),
    ("permission denied", StorageRefused),
)


def client_programs(server_major: int) -> Path:
    """Return the folder of the programs that fit a server of the version `server_major`.

    Raises:
        ProgramMissing: there are none, or older ones only.
    """
    folder = _embedded()
    if folder is not None and server_major <= MAJOR_VERSION:
        return folder
    found = shutil.which("pg_dump")
    if found is not None and (major_of(Path(found)) or 0) >= server_major:
        return Path(found).resolve().parent
    raise ProgramMissing(
        f"There is no pg_dump for a server of PostgreSQL {server_major}: install PostgreSQL's "
        f"client programs {server_major} or newer and put them on PATH."
    )


def major_of(program: Path) -> int | None:
    """Return the major version that `program --version` tells, or None where it tells none."""
    try:
        told = subprocess.run(  # noqa: S603 - a program of PostgreSQL's, asked for its version
            (str(program), "--version"), capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(told)
    return int(found[1]) if found else None


async def run_program(program: Path, *arguments: str, dsn: str | None = None) -> None:
    """Run `program`, on the database at `dsn` if there is one; if cancelled it is ended first.

    Raises:
        LoginRefused, StoreUnavailable: the database does not let it in.
        StorageRefused: a disk is full, or a right is lacking.
        ProgramMissing: it cannot be started.
        ProgramFailed: anything else, in the program's own words.
    """
    target = (f"--dbname={without_password(dsn)}", "--no-password") if dsn is not None else ()
    try:
        process = await asyncio.create_subprocess_exec(
            str(program),
            *arguments,
            *target,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(password_in(dsn) if dsn is not None else ""),
        )
    except OSError as error:
        raise ProgramMissing(
            f"{program} cannot be run ({error.strerror}): install PostgreSQL's client programs."
        ) from error
    try:
        _, said = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise _failed(
            program.name, said.decode(errors="replace"), shown(dsn) if dsn else "this machine"
        )


def _embedded() -> Path | None:
    try:
        return programs(ServerUser(os.geteuid(), os.getegid(), is_other=False))
    except EmbeddedUnavailable:
        return None


def _environment(password: str) -> dict[str, str]:
    """Return what the programs see: nothing of ours but the way to a file of passwords."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "PGPASSFILE") if name in os.environ}
    wanted = {"LC_ALL": "C", "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT_SECONDS)}
    return {**kept, **wanted, **({"PGPASSWORD": password} if password else {})}


def _failed(program: str, said: str, where: str) -> Exception:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    # psql shouts where the others speak.
    first = next((line for line in lines if _ERROR.search(line)), lines[0] if lines else "no word")
    reason = _ERROR.split(first, maxsplit=1)[-1].strip()
    kind = next((kind for words, kind in _SAID if words in said), ProgramFailed)
    return kind(f"{program} failed on {where} ({reason}): mend that and try again.")
