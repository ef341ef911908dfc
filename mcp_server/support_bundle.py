"""What helps somebody else to see why this installation misbehaves: one file, without secrets.

Nothing is sent anywhere. What models wrote, keys and their ids, account numbers and hashes stay
here: each part is masked, and then looked through once more for every secret that is known; if one
is found, no file is written.
"""

import hashlib
import io
import json
import os
import platform
import re
import tarfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from config.errors import CouncilError, RefusedError
from config.masking import MASK, Mask
from config.schema import Config
from config.settings import Settings
from mcp_server import doctor_timers, operations
from mcp_server.doctor_home import ADDRESSES, PRIVATE_FILES
from mcp_server.sealing import KEY_FILE
from mcp_server.shapes import DoctorShape, Shape
from mcp_server.wiring import App, Terms, assembled, opened_store
from store.events import EventFilter, Page, StoredEvent
from store.measures import read_measures, read_tables
from store.migrate import schema_state

EVENTS: Final = 1_000
MANIFEST: Final = "manifest.json"
_SHORTEST_SECRET: Final = 6
_ACCOUNT_NUMBER: Final = re.compile(r"\bPA[A-Z0-9]{8,12}\b")
_KEY_BEGINS: Final = re.compile(r"\bkey \S{1,8}\.\.\.")
_GUESSABLE: Final = re.compile(r'"(?:hash|salt|sha256)":\s*"([^"]+)"')
"""In the files of passphrase and tokens: what a guess could be tried against."""


Parts = dict[str, tuple[str, str]]
"""By name a text, and what it holds."""


class PartShape(Shape):
    """One file of the bundle: its size in bytes, its SHA-256, and what it holds."""

    name: str
    bytes: int
    sha256: str
    holds: str


class BundleShape(Shape):
    """The bundle: where it is, what it holds, and what could not be had, with the reason."""

    file: str
    bytes: int
    parts: tuple[PartShape, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The texts of a bundle by name, with what each holds; `missing` says what is not there."""

    parts: Mapping[str, tuple[str, str]]
    missing: tuple[str, ...]


class Censor:
    """Hides what must stay here, and knows when it did not."""

    def __init__(self, settings: Settings, config: Config, user_folder: Path) -> None:
        secrets = {*settings.secret_values(), *_kept_secrets(settings.council_home)}
        numbers = {account.account_number for account in config.accounts}
        self._secrets = frozenset(s for s in secrets | numbers if len(s) >= _SHORTEST_SECRET)
        self._mask = Mask(tuple(self._secrets))
        # A user without a folder, as in a container, has "/", which is in every path.
        self._user_folder = str(user_folder) if user_folder.name else None

    def text(self, text: str) -> str:
        """Return `text` without secrets, account numbers, and the user's name in paths."""
        hidden = self._mask.text(text)
        hidden = _KEY_BEGINS.sub(f"key {MASK}", _ACCOUNT_NUMBER.sub(MASK, hidden))
        return hidden.replace(self._user_folder, "~") if self._user_folder else hidden

    def leak(self, text: str) -> bool:
        """Return whether a secret that is known stands in `text` all the same."""
        return any(s in text for s in self._secrets) or bool(_ACCOUNT_NUMBER.search(text))


def _kept_secrets(home: Path) -> Iterable[str]:
    """Return hashes, keys and passwords in the home's own files, as far as they can be read."""
    for name in PRIVATE_FILES:
        try:
            text = (home / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            continue
        # Those of the file `env` are among the settings.
        yield from _secrets_of(name, text)


def _secrets_of(name: str, text: str) -> Iterable[str]:
    if name == KEY_FILE:
        return (text,)
    if name in ADDRESSES:
        return (text, urlsplit(text).password or "")
    return _GUESSABLE.findall(text)


async def gather(
    settings: Settings, config: Config, *, examine: Callable[[], Awaitable[DoctorShape]]
) -> Gathered:
    """Collect every part that can be had; what fails is named instead."""
    parts: Parts = {
        "versions.json": (_written(_versions()), "Python, this machine, and every package"),
        "settings.json": (_written(settings_shown(settings)), "settings; secrets as set or not"),
        "configuration.json": (_written(config.model_dump(mode="json")), "the YAML files as read"),
        "timers.txt": (await doctor_timers.listed(), "timers of systemd"),
    }
    missing: list[str] = []

    async def added(name: str, read: Callable[[], Awaitable[Parts]]) -> None:
        try:
            parts.update(await read())
        except CouncilError as error:
            missing.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001 - it is wanted just where something is broken
            missing.append(f"{name}: unexpected {type(error).__name__}.")

    await added("doctor.json", lambda: _doctor_part(examine))
    await added("events.jsonl", lambda: _store_parts(settings))
    await added("status.json", lambda: _status_part(settings))
    return Gathered(parts, tuple(missing))


async def _doctor_part(examine: Callable[[], Awaitable[DoctorShape]]) -> Parts:
    found = await examine()
    return {"doctor.json": (found.model_dump_json(indent=2), "what `council doctor` says")}


async def _store_parts(settings: Settings) -> Parts:
    async with opened_store(settings) as app:
        newest = await app.deps.store.read_page(EventFilter(), Page(EVENTS, descending=True))
        database = await _database(app)
    lines = "".join(json.dumps(envelope(event)) + "\n" for event in reversed(newest))
    return {
        "events.jsonl": (lines, f"the newest {EVENTS:,} events without their contents"),
        "database.json": (_written(database), "version, tables' sizes, migrations"),
    }


async def _status_part(settings: Settings) -> Parts:
    async with assembled(settings, Terms(models=False)) as app:
        status = await operations.status(app)
    return {"status.json": (status.model_dump_json(indent=2), "what `council status` says")}


def envelope(event: StoredEvent) -> dict[str, Any]:
    """Return what is known of an event from the outside, and how long its content is."""
    return {
        "position": event.position,
        "stream": event.stream,
        "version": event.version,
        "event_id": str(event.event_id),
        "event_type": event.event_type,
        "week_id": event.week_id,
        "account_id": event.account_id,
        "timestamp": event.timestamp.isoformat(),
        "parent_event_id": event.parent_event_id and str(event.parent_event_id),
        "payload_characters": len(json.dumps(event.payload, default=str)),
    }


async def _database(app: App) -> dict[str, Any]:
    measures, state = await read_measures(app.pool), await schema_state(app.dsn)
    return {
        "kind": app.database,
        "version": measures.version,
        "bytes": measures.bytes,
        "connections": measures.connections,
        "migrations": list(map(str, state.applied)),
        "tables": {own.name: [own.rows, own.bytes] for own in await read_tables(app.pool)},
    }


def _versions() -> dict[str, Any]:
    packages = {found.name: found.version for found in distributions()}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": dict(sorted(packages.items())),
    }


def settings_shown(settings: Settings) -> dict[str, Any]:
    """Return the settings with every secret as "set", and of accounts' keys only the nicknames."""
    shown: dict[str, Any] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            shown[name] = "set"
        elif isinstance(value, tuple) and value and isinstance(value[0], tuple):
            shown[name] = [nickname for nickname, _ in value]
        else:
            shown[name] = value if value is None or isinstance(value, bool | int) else str(value)
    return shown


def write_bundle(file: Path, gathered: Gathered, censor: Censor, *, at: datetime) -> BundleShape:
    """Write the bundle for its owner alone, and return what is in it.

    Raises:
        RefusedError: the file exists, or a secret would be in it; nothing was written.
    """
    texts = {name: censor.text(text) for name, (text, _) in gathered.parts.items()}
    holds = {name: about for name, (_, about) in gathered.parts.items()}
    parts = tuple(_part(name, text, holds[name]) for name, text in texts.items())
    missing = tuple(map(censor.text, gathered.missing))
    texts[MANIFEST] = _written(
        {"made_at": at.isoformat(), "parts": [p.model_dump() for p in parts], "missing": missing}
    )
    if leaking := [name for name, text in texts.items() if censor.leak(text)]:
        raise RefusedError(
            f"No bundle was written: {', '.join(leaking)} would hold a secret. Tell the program's "
            "makers, without that file."
        )
    size = _write(file, texts, at)
    return BundleShape(file=str(file), bytes=size, parts=parts, missing=missing)


def _part(name: str, text: str, holds: str) -> PartShape:
    content = text.encode()
    digest = hashlib.sha256(content).hexdigest()
    return PartShape(name=name, bytes=len(content), sha256=digest, holds=holds)


def _write(file: Path, texts: Mapping[str, str], at: datetime) -> int:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise RefusedError(f"{file} exists already: choose another name.") from error
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "wb") as opened, tarfile.open(fileobj=opened, mode="w:gz") as bundle:
        for name, text in sorted(texts.items()):
            content = text.encode()
            entry = tarfile.TarInfo(f"council-support/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(at.timestamp())
            bundle.addfile(entry, io.BytesIO(content))
    return file.stat().st_size


def _written(content: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(content, indent=2, default=str) + "\n"
