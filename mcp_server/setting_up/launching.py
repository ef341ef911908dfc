"""How a host starts this installation: absolute paths only, because hosts know no shell's PATH.

A checkout is started by `uv run`, which finds its `.env` and keeps it in step with the lock file.
An environment that uv made for one run only will be gone tomorrow, so `uvx` makes it anew.
Everything else is started by its own `council`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mcp_server.setting_up.machine import PACKAGE, Machine

_MADE_FOR_ONE_RUN = re.compile(r"(?:archive|builds|environments)-v\d+")
_CERTIFICATES = "SSL_CERT_FILE"
OWN_VARIABLES = ("COUNCIL_HOME", _CERTIFICATES)
"""What an entry may hold of the environment: addresses of files, never a secret."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line with the variables that it needs beyond a host's own few."""

    command: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


def launch_of(machine: Machine) -> Launch:
    """Return how a host is to start the MCP server of this installation."""
    command, *arguments = _command_line(machine)
    return Launch(command, (*arguments, "mcp"), _variables(machine))


def own_launch(machine: Machine) -> Launch:
    """Return the same server by this very environment, which nothing brings in step first."""
    command, *arguments = _own_script(machine)
    return Launch(command, (*arguments, "mcp"), _variables(machine))


def is_for_one_run(machine: Machine) -> bool:
    """Return whether this environment was made by uv for one run, and will be gone tomorrow."""
    return any(map(_MADE_FOR_ONE_RUN.fullmatch, machine.scripts.parts))


def _command_line(machine: Machine) -> tuple[str, ...]:
    checkout = machine.origin.checkout if machine.origin else None
    if checkout is not None and (uv := _uv(machine)):
        return str(uv), "run", "--directory", str(checkout), "council"
    uvx = machine.command("uvx")
    if uvx is not None and is_for_one_run(machine):
        source = machine.origin.address if machine.origin else PACKAGE
        return str(uvx), "--from", source, "council"
    return _own_script(machine)


def _uv(machine: Machine) -> Path | None:
    """Return uv itself: it names itself to what it runs, while a PATH may hold a mere shim."""
    named = Path(machine.variables.get("UV", ""))
    return named if named.is_absolute() and named.is_file() else machine.command("uv")


def _own_script(machine: Machine) -> tuple[str, ...]:
    script = machine.scripts / ("council.exe" if machine.system == "windows" else "council")
    if script.is_file():
        return (str(script),)
    return str(machine.python), "-m", "mcp_server.start"


def _variables(machine: Machine) -> dict[str, str]:
    """Return where the home is unless it is the usual place, and the proxy's certificates."""
    variables = {}
    if machine.council_home != machine.user_folder / ".council":
        variables["COUNCIL_HOME"] = str(machine.council_home)
    if certificates := machine.variables.get(_CERTIFICATES):
        variables[_CERTIFICATES] = certificates
    return variables
