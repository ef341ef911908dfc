"""`$COUNCIL_HOME/env` as setup reads and writes it: checked as a whole before it is replaced."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from config.env_files import layered
from config.errors import ConfigError
from config.loader import load_config
from config.settings import Settings, load_settings
from mcp_server.passphrase import is_set, set_passphrase
from mcp_server.setting_up.env_text import settings_in, text_with
from mcp_server.setting_up.machine import Machine
from mcp_server.setting_up.replacing import write_with_backup
from mcp_server.setting_up.wizard import Answers, Before, Known, Source

_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The env file as it was read, and what setup knows besides it."""

    path: Path
    text: str
    before: Before


@dataclass(frozen=True, slots=True)
class Written:
    """What setup wrote: the names alone."""

    backup: str | None
    changed: tuple[str, ...]


def read_settings_file(machine: Machine, directory: Path) -> SettingsFile:
    """Read the env file and what surrounds it; `directory` is where `.env` is looked for.

    Raises:
        ConfigError: an env file or a YAML file cannot be read.
    """
    path = machine.council_home / "env"
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({type(error).__name__}): make it a readable UTF-8 file."
        ) from error
    effective = layered(machine.variables, directory).variables
    folder = effective.get("COUNCIL_CONFIG")
    config = load_config(Path(folder) if folder else None)
    trading_url = effective.get("ALPACA_TRADING_URL") or _default("alpaca_trading_url")
    before = Before(
        settings=_known(settings_in(text), effective, machine.variables),
        nicknames=[account.nickname for account in config.accounts],
        trading_url=trading_url,
        has_secret=is_set(machine.council_home),
    )
    return SettingsFile(path, text, before)


def _default(field: str) -> str:
    return str(Settings.model_fields[field].default)


def _known(
    own: Mapping[str, str], effective: Mapping[str, str], shell: Mapping[str, str]
) -> dict[str, Known]:
    """Return every setting with where it stands; the file's own value is the one to keep."""
    found = {}
    for name, value in effective.items():
        source: Source = "shell" if name in shell else "other"
        found[name] = Known(own[name], "file") if name in own else Known(value, source)
    return found


def write_answers(file: SettingsFile, answers: Answers, now: datetime) -> Written:
    """Write what was answered, the secret last; the former file is copied aside.

    Raises:
        ConfigError: the settings would not be usable, or cannot be written.
        CredentialsError: an account's key would be incomplete, or another account's.
    """
    text = text_with(file.text, answers.changes)
    _check(text, file.before)
    changed = _changed(settings_in(file.text), settings_in(text))
    backup = ""
    if changed or not file.path.exists():
        backup = write_with_backup(file.path, text, now, mode=_PRIVATE)
    if answers.secret is not None:
        set_passphrase(file.path.parent, answers.secret)
    return Written(backup or None, changed)


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    names = dict.fromkeys((*before, *after))
    return tuple(name for name in names if before.get(name) != after.get(name))


def _check(text: str, before: Before) -> None:
    """Load the new settings by themselves, as if their file were the only one."""
    with tempfile.TemporaryDirectory() as empty:
        variables = {**settings_in(text), "COUNCIL_HOME": empty, "HOME": empty}
        settings = load_settings(variables, directory=Path(empty))
    for nickname in before.nicknames:
        settings.alpaca_credentials(nickname)
