"""The database's roles by name, and what is known of them: who may append what, who logged in."""

from dataclasses import dataclass
from typing import Final

OWNER: Final = "lc_owner"
"""To whom the tables belong once roles are set up; it has no login."""
LC_MCP: Final = "lc_mcp"
LC_APPROVER: Final = "lc_approver"
LC_EXEC: Final = "lc_exec"
ROLES: Final = (LC_MCP, LC_APPROVER, LC_EXEC)


@dataclass(frozen=True, slots=True)
class Grant:
    """One row of `event_grants`: the members of `role` may append `kind`.

    With `trusts` only facts whose own trust is one of these.
    """

    role: str
    kind: str
    trusts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RoleReading:
    """What a login is, by the database itself.

    `role` is the one that it belongs to, None for the owner and for a stranger; `closed` names
    tables of ours that it may not read.
    """

    login: str
    is_owner: bool
    role: str | None
    closed: tuple[str, ...]
    grants: tuple[Grant, ...]
