"""The JSON of `council setup` and `council install`; no field ever holds a secret."""

from typing import Any, Literal

from mcp_server.shapes import CheckShape, Shape


class InstallShape(Shape):
    """What was done, or with `dry_run` would be done, to one host's servers."""

    host: str
    name: str
    change: Literal["added", "replaced", "removed", "unchanged"]
    dry_run: bool
    file: str
    backup: str | None
    entry: dict[str, Any] | None
    commands: tuple[str, ...]
    """What the host's own command was given, where it changes its file itself."""
    notices: tuple[str, ...]
    next_step: str


class UnitShape(Shape):
    """One file of systemd, and what was or would be done to it."""

    file: str
    change: Literal["added", "replaced", "removed", "unchanged"]


class SystemdShape(Shape):
    """What was done, or with `dry_run` would be done, to systemd's units."""

    scope: Literal["system", "user"]
    dry_run: bool
    units: tuple[UnitShape, ...]
    diff: str
    """Every change as a unified diff."""
    commands: tuple[str, ...]
    """What was run besides, or would be."""
    notices: tuple[str, ...]
    next_steps: tuple[str, ...]


class SetupShape(Shape):
    """What `council setup` wrote, and what the doctor says of it."""

    council_home: str
    env_file: str
    backup: str | None
    changed: tuple[str, ...]
    """The names of the settings that were written or removed."""
    secret: Literal["set", "kept", "none"]
    mode: str
    database: str
    healthy: bool
    checks: tuple[CheckShape, ...]
    notices: tuple[str, ...]
    next_steps: tuple[str, ...]
