"""Puts systemd's units for this installation in place, or takes exactly those away again.

Planned first, so that a plan can be shown alone. A file that somebody else wrote is never touched:
ours begin with a line that says so. Everything hangs on `council.target`.
"""

import difflib
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from config.errors import ConfigError, RefusedError
from mcp_server.setting_up.machine import Machine
from mcp_server.setting_up.replacing import replace_file
from mcp_server.setting_up.shapes import SystemdShape, UnitShape
from mcp_server.setting_up.systemd_notices import notices_of
from mcp_server.setting_up.systemd_units import (
    HEADER,
    TARGET,
    Scope,
    Wanted,
    sysusers_text,
    texts_of,
    units_of,
)

_MARK: Final = HEADER.splitlines()[0]
_PATIENCE: Final = timedelta(minutes=10)
"""Longer than the services may take to stop and to start, by their units."""
_READABLE: Final = 0o644


@dataclass(frozen=True, slots=True)
class Places:
    """Where systemd looks for units, and for users to make; `running` exists where it runs."""

    units: Path
    sysusers: Path | None
    running: Path


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file as it is and as it is to be; None: not there."""

    path: Path
    before: str | None
    after: str | None

    @property
    def kind(self) -> Literal["added", "replaced", "removed", "unchanged"]:
        """Return what happens to the file."""
        if self.before == self.after:
            return "unchanged"
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "replaced"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen to the files, and what is to be run before and after that."""

    scope: Scope
    changes: tuple[FileChange, ...]
    before: tuple[tuple[str, ...], ...]
    after: tuple[tuple[str, ...], ...]
    notices: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    runs_here: bool = False
    """Whether systemd runs on this machine, so that it can be told."""

    def shape(self, *, dry_run: bool = False) -> SystemdShape:
        """Return the plan for people and programs."""
        told = [shlex.join(command) for command in (*self.before, *self.after)]
        return SystemdShape(
            scope=self.scope,
            dry_run=dry_run,
            units=tuple(UnitShape(file=str(c.path), change=c.kind) for c in self.changes),
            diff="".join(map(_diff, self.changes)),
            commands=tuple(told) if self.runs_here else (),
            notices=self.notices,
            next_steps=(*(() if self.runs_here else told), *self.next_steps),
        )


def places_of(machine: Machine, scope: Scope, root: Path = Path("/")) -> Places:
    """Return where the units of `scope` belong, under `root`."""
    if scope == "system":
        return Places(
            root / "etc/systemd/system",
            root / "etc/sysusers.d/council.conf",
            root / "run/systemd/system",
        )
    config = Path(machine.variables.get("XDG_CONFIG_HOME") or machine.user_folder / ".config")
    runtime = Path(machine.variables.get("XDG_RUNTIME_DIR") or machine.user_folder / ".no-runtime")
    return Places(config / "systemd/user", None, runtime / "systemd")


def planned_units(
    machine: Machine, scope: Scope, wanted: Wanted, *, places: Places, start: bool = False
) -> Plan:
    """Plan to put the units of this installation in place, and with `start` to start them.

    Raises:
        RefusedError: a file of that name is somebody else's, or services cannot start this program.
        ConfigError: a file cannot be read, or the schedule has a time at which clocks change.
    """
    units = units_of(machine, scope, wanted)
    texts = {places.units / name: text for name, text in texts_of(units).items()}
    if places.sysusers is not None:
        texts[places.sysusers] = sysusers_text()
    _refuse_strangers(texts)
    changes = tuple(_changes(texts, places))
    enabling = (*_systemctl(scope), "enable", "--now", TARGET)
    after = [*_reloading(scope, changes, places), *([enabling] if start else [])]
    if start and any(change.kind in {"replaced", "removed"} for change in changes):
        # What runs already runs by its former unit.
        after.append((*_systemctl(scope), "restart", TARGET))
    gone = [change for change in changes if change.kind == "removed"] if start else []
    steps = () if start else (shlex.join(enabling),)
    lingering = () if scope == "system" else ("loginctl enable-linger",)
    return Plan(
        scope=scope,
        changes=changes,
        before=tuple(_ending(_systemctl(scope), gone)),
        after=tuple(after),
        notices=tuple(notices_of(machine, units)),
        next_steps=(*steps, *lingering),
        runs_here=_runs_here(machine, places),
    )


def planned_removal(machine: Machine, scope: Scope, *, places: Places) -> Plan:
    """Plan to stop everything and to take away the files that we wrote.

    Raises:
        ConfigError: a file cannot be read.
    """
    changes = tuple(_changes({}, places))
    systemctl = _systemctl(scope)
    left = "The user council and /var/lib/council stay: they hold the record."
    return Plan(
        scope=scope,
        changes=changes,
        before=tuple(_ending(systemctl, changes)),
        after=((*systemctl, "daemon-reload"),) if changes else (),
        notices=(left,) if changes and scope == "system" else (),
        runs_here=_runs_here(machine, places),
    )


def carried_out(plan: Plan) -> SystemdShape:
    """Do what was planned; nothing is written where nothing changes.

    Raises:
        ConfigError: a file cannot be written, or systemd refuses a command.
    """
    if plan.runs_here:
        for command in plan.before:
            _run(command)
    for change in plan.changes:
        if change.kind != "unchanged":
            _write(change)
    if plan.runs_here:
        for command in plan.after:
            _run(command)
    return plan.shape()


def our_files(places: Places) -> dict[Path, str]:
    """Return the files that we wrote and their texts.

    Raises:
        ConfigError: one cannot be read.
    """
    found = [path for path in places.units.glob("council*") if path.is_file()]
    if places.sysusers is not None and places.sysusers.is_file():
        found.append(places.sysusers)
    texts = {path: _text(path) for path in sorted(found)}
    return {path: text for path, text in texts.items() if _is_ours(text)}


def _changes(texts: Mapping[Path, str], places: Places) -> Iterator[FileChange]:
    """Yield every file of ours, there or to come; what is wanted no longer is removed."""
    there = our_files(places)
    for path in sorted({*there, *texts}):
        yield FileChange(path, there.get(path), texts.get(path))


def _ending(systemctl: tuple[str, ...], changes: Iterable[FileChange]) -> Iterator[tuple[str, ...]]:
    """Yield what stops everything and waits for its end: a unit without its file ends as failed."""
    units = [change.path.name for change in changes if change.path.suffix != ".conf"]
    if TARGET in units:
        yield (*systemctl, "disable", "--now", TARGET)
    if units:
        # Of units with an @ those that run are meant.
        yield (*systemctl, "stop", *(name.replace("@.", "@*.") for name in units))


def _reloading(
    scope: Scope, changes: tuple[FileChange, ...], places: Places
) -> Iterator[tuple[str, ...]]:
    """Yield what makes systemd see the changes, if there are any."""
    if all(change.kind == "unchanged" for change in changes):
        return
    if places.sysusers is not None:
        yield "systemd-sysusers", str(places.sysusers)
    yield (*_systemctl(scope), "daemon-reload")


def _refuse_strangers(texts: Mapping[Path, str]) -> None:
    for path in texts:
        if path.is_symlink() or (path.exists() and not _is_ours(_text(path))):
            raise RefusedError(
                f"{path} was written by somebody else, and nothing was changed: move it away first."
            )


def _is_ours(text: str) -> bool:
    return text.startswith(_MARK)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({type(error).__name__}): see to its permissions."
        ) from error


def _write(change: FileChange) -> None:
    try:
        if change.after is None:
            change.path.unlink(missing_ok=True)
            return
        change.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(change.path, change.after, _READABLE)
    except OSError as error:
        raise ConfigError(
            f"{change.path} cannot be written ({error.strerror}): run it as root, or with --user."
        ) from error


def _diff(change: FileChange) -> str:
    return "".join(
        difflib.unified_diff(
            (change.before or "").splitlines(keepends=True),
            (change.after or "").splitlines(keepends=True),
            "/dev/null" if change.before is None else str(change.path),
            "/dev/null" if change.after is None else str(change.path),
        )
    )


def _systemctl(scope: Scope) -> tuple[str, ...]:
    return ("systemctl",) if scope == "system" else ("systemctl", "--user")


def _runs_here(machine: Machine, places: Places) -> bool:
    return places.running.is_dir() and machine.command("systemctl") is not None


def _run(command: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - words of our own
            command,
            capture_output=True,
            text=True,
            timeout=_PATIENCE.total_seconds(),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"`{shlex.join(command)}` failed: {type(error).__name__}.") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()).rstrip(".")
        raise ConfigError(f"`{shlex.join(command)}` failed: {said}.")
