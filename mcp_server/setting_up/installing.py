"""Puts the server into a host, or takes it out: planned first, so that a plan can be shown alone.

Claude Code has a command for it, which is used where it is found: the program rewrites its file at
any time, and only its own command does not collide with that. The other hosts' files are merged.
"""

import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from config.env_files import layered
from config.errors import ConfigError
from config.masking import MASK
from mcp_server.setting_up.host_files import HostFile, read_host_file
from mcp_server.setting_up.hosts import HostApp, entry_of, host_file
from mcp_server.setting_up.launching import OWN_VARIABLES, launch_of
from mcp_server.setting_up.machine import Machine
from mcp_server.setting_up.replacing import copied_aside, write_with_backup
from mcp_server.setting_up.shapes import InstallShape

Change = Literal["added", "replaced", "removed", "unchanged"]
_PATIENCE = timedelta(seconds=60)
_OUR_PREFIXES = ("REQUESTY_", "PERPLEXITY_", "GEMINI_", "ALPACA_", "DATABASE_", "DB_", "COUNCIL_")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen; `entry` None takes the server out."""

    host: HostApp
    name: str
    change: Change
    file: HostFile
    entry: Mapping[str, Any] | None
    commands: tuple[tuple[str, ...], ...]
    notices: tuple[str, ...]

    def shape(self, *, backup: str | None = None, dry_run: bool = False) -> InstallShape:
        """Return the plan for people and programs."""
        return InstallShape(
            host=self.host.name,
            name=self.name,
            change=self.change,
            dry_run=dry_run,
            file=str(self.file.path),
            backup=backup,
            entry=_shown(self.entry),
            commands=tuple(_called(command) for command in self.commands),
            notices=self.notices,
            next_step=self._next_step(),
        )

    def _next_step(self) -> str:
        if self.entry is not None:
            return self.host.afterwards
        if self.change == "unchanged":
            return "It was not there; nothing is left to do."
        return f"Quit {self.host.title} fully and reopen it, so that it lets the server go."


def planned_install(host: HostApp, machine: Machine, name: str) -> Plan:
    """Plan to put this installation into `host` under `name`.

    Raises:
        ConfigError: the host's file cannot be read as plain JSON.
        RefusedError: the name belongs to another server there.
    """
    file = read_host_file(host_file(host, machine))
    former = file.entry(host, name)
    entry = entry_of(host, launch_of(machine), former)
    change: Change = "added" if former is None else "replaced"
    plan = Plan(host, name, change, file, entry, (), tuple(_notices(machine)))
    if former == entry:
        return replace(plan, change="unchanged")
    return replace(plan, commands=tuple(_commands(plan, machine)))


def planned_removal(host: HostApp, machine: Machine, name: str) -> Plan:
    """Plan to take the server called `name` out of `host`.

    Raises:
        ConfigError: the host's file cannot be read as plain JSON.
        RefusedError: the name belongs to another server there.
    """
    file = read_host_file(host_file(host, machine))
    is_there = file.entry(host, name) is not None
    plan = Plan(host, name, "removed" if is_there else "unchanged", file, None, (), ())
    return replace(plan, commands=tuple(_commands(plan, machine)) if is_there else ())


def carried_out(plan: Plan, now: datetime) -> InstallShape:
    """Do what was planned; every change leaves a copy of the file as it was.

    Raises:
        ConfigError: the file cannot be written, or the host's command fails.
    """
    if plan.change == "unchanged":
        return plan.shape()
    if plan.commands:
        backup = copied_aside(plan.file.path.resolve(), now)
        for command in plan.commands:
            _run(command, backup)
        return plan.shape(backup=str(backup) if backup else None)
    text = plan.file.text_with(plan.host, plan.name, plan.entry)
    return plan.shape(backup=write_with_backup(plan.file.path, text, now) or None)


def _commands(plan: Plan, machine: Machine) -> Iterator[tuple[str, ...]]:
    """Yield what Claude Code's own command is to be given, if that is the host and is found."""
    claude = machine.command("claude") if plan.host.name == "claude-code" else None
    if claude is None:
        return
    if plan.change != "added":
        yield str(claude), "mcp", "remove", "--scope", "user", plan.name
    if plan.entry is not None:
        described = json.dumps(plan.entry)
        yield str(claude), "mcp", "add-json", "--scope", "user", plan.name, described


def _run(command: tuple[str, ...], backup: Path | None) -> None:
    aside = f" Its file as it was: {backup}." if backup else ""
    try:
        done = subprocess.run(  # noqa: S603 - an absolute path and words of our own
            command,
            capture_output=True,
            text=True,
            timeout=_PATIENCE.total_seconds(),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        # Its own words hold the whole command line, and with it the entry.
        reason = type(error).__name__
        raise ConfigError(f"`{_called(command)}` failed: {reason}.{aside}") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()).rstrip(".")
        raise ConfigError(f"`{_called(command)}` failed: {said}.{aside}")


def _called(command: tuple[str, ...]) -> str:
    """Return a command line to be shown, without the entry: `_shown` shows that."""
    return shlex.join(word for word in command if not word.startswith("{"))


def _shown(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return an entry whose variables of other origin are hidden: they may be secrets."""
    if entry is None or "env" not in entry:
        return dict(entry) if entry is not None else None
    hidden = {name: v if name in OWN_VARIABLES else MASK for name, v in entry["env"].items()}
    return {**entry, "env": hidden}


def _notices(machine: Machine) -> Iterator[str]:
    """Point at settings that only this shell knows: a host starts the server without them."""
    own_file = machine.council_home / "env"
    without_shell = layered({"COUNCIL_HOME": str(machine.council_home)}, machine.council_home)
    names = [
        name
        for name, value in sorted(machine.variables.items())
        if name.startswith(_OUR_PREFIXES) and name not in OWN_VARIABLES and value.strip()
        if without_shell.variables.get(name) != value.strip()
    ]
    if names:
        yield (
            f"{', '.join(names)} of this shell will not reach the host: put what it needs into "
            f"{own_file}; `council setup` does."
        )
