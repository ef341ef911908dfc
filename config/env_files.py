"""Layers the environment over credentials, `$COUNCIL_HOME/env` and `.env`, and finds the home."""

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from config.errors import ConfigError

_LEFT_EMPTY = re.compile(r"\$\{user_config\.\w+\}")
_CREDENTIAL = re.compile(
    r"(?:ALPACA|COUNCIL|DATABASE|DB|GEMINI|PERPLEXITY|REQUESTY)_[A-Z0-9_]{1,60}", re.IGNORECASE
)
"""A variable of ours as the name of a file; a service may have credentials of other programs."""
CREDENTIALS_FILE = "council.env"
"""The credential that is an env file with any number of variables."""
_OTHERS_MAY_READ = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class Layered:
    """Every variable that is set to something, by its name in capitals; `home` is absolute."""

    variables: Mapping[str, str]
    home: Path
    warnings: tuple[str, ...]


def layered(environ: Mapping[str, str], directory: Path) -> Layered:
    """Return `environ` over what lies below it; empty means not set.

    Below it lie systemd's credentials, then `$COUNCIL_HOME/env`, then `.env` in `directory`.

    Raises:
        ConfigError: an env file exists but cannot be read.
    """
    own_file = directory / ".env"
    lowest = _read(own_file)
    home = _home({**lowest, **_set_only(environ)}, directory)
    given = _credentials(environ.get("CREDENTIALS_DIRECTORY", ""))
    variables = {**lowest, **_read(home / "env"), **given, **_set_only(environ)}
    warnings = (_exposed(home / "env"), _exposed(own_file))
    return Layered(variables, home, tuple(text for text in warnings if text))


def _set_only(variables: Mapping[str, str | None]) -> dict[str, str]:
    stripped = {name: (value or "").strip() for name, value in variables.items()}
    # A host passes a bundle's option on as its own name where a person left it empty.
    return {n: value for n, value in stripped.items() if value and not _LEFT_EMPTY.fullmatch(value)}


def _read(path: Path) -> dict[str, str]:
    try:
        # A folder of that name is somebody's virtual environment; a password may hold a `$`.
        return _set_only(dotenv_values(path, interpolate=False)) if path.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({type(error).__name__}): make it a readable UTF-8 file."
        ) from error


def _credentials(folder: str) -> dict[str, str]:
    """Read what systemd gave this service: one env file, and a file for each further variable."""
    if not folder or not Path(folder).is_dir():
        return {}
    found = _read(Path(folder) / CREDENTIALS_FILE)
    files = {path.name: path for path in Path(folder).iterdir() if _CREDENTIAL.fullmatch(path.name)}
    try:
        alone = {name.upper(): path.read_text(encoding="utf-8") for name, path in files.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"A credential in {folder} cannot be read ({type(error).__name__}): make it UTF-8 text."
        ) from error
    return {**found, **_set_only(alone)}


def _exposed(path: Path) -> str | None:
    if path.is_file() and path.stat().st_mode & _OTHERS_MAY_READ:
        return f"{path} can be read by others: run `chmod 600 {path}`."
    return None


def _home(variables: Mapping[str, str], directory: Path) -> Path:
    chosen = variables.get("COUNCIL_HOME")
    if chosen is None:
        return _user_folder(variables) / ".council"
    first, *rest = Path(chosen).parts
    return _user_folder(variables).joinpath(*rest) if first == "~" else directory / chosen


def _user_folder(variables: Mapping[str, str]) -> Path:
    for name in ("HOME", "USERPROFILE"):
        if name in variables and Path(variables[name]).is_absolute():
            return Path(variables[name])
    return _registered_folder()


def _registered_folder() -> Path:
    """Return the user's folder by the system's list of users; a container may not list ours."""
    try:
        import pwd  # noqa: PLC0415 - absent on Windows

        registered = pwd.getpwuid(os.getuid()).pw_dir
    except (ImportError, KeyError):
        registered = ""
    return Path(registered) if registered else Path(tempfile.gettempdir())
