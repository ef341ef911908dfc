"""What a person should know of the services beside their files; settings by their names alone."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from config.env_files import layered
from mcp_server.setting_up.machine import Machine
from mcp_server.setting_up.systemd_units import Units
from store.grants import LC_APPROVER

_PREFIXES: Final = ("REQUESTY_", "PERPLEXITY_", "GEMINI_", "ALPACA_", "DB_", "COUNCIL_")
_DATABASE: Final = "DATABASE_"
_OWNERS: Final = ("DATABASE_URL", "DATABASE_PASSWORD")
_OF_UNITS: Final = frozenset({"COUNCIL_HOME", "COUNCIL_CONFIG"})
"""What the units themselves say."""


def notices_of(machine: Machine, units: Units) -> Iterator[str]:
    """Yield a sentence for each setting or file that a person may have to see to.

    Raises:
        ConfigError: an env file cannot be read.
    """
    own_file = machine.council_home / "env"
    seen = layered({"COUNCIL_HOME": str(machine.council_home)}, machine.council_home).variables
    if names := sorted(_unseen(machine, seen, units)):
        yield (
            f"{', '.join(names)} of this shell or folder will not reach the services: put what "
            f"they need into {own_file}; `council setup` does."
        )
    if units.logins and (owners := [name for name in _OWNERS if name in seen]):
        yield (
            f"{' and '.join(owners)} of {own_file} can be read by every service, which so may do "
            "what its own login may not: take it out, and set it where you run `council db` alone."
        )
    if units.is_system:
        yield (
            f"The services read {own_file} by LoadCredential=, at their start, and keep the record "
            "in /var/lib/council."
        )
    yield from _on_deciding(units)


def _unseen(machine: Machine, seen: Mapping[str, str], units: Units) -> Iterator[str]:
    """Yield what this shell or folder sets, and the services will not have."""
    # With roles each service has an address of its own, and the owner's is none of theirs.
    prefixes = _PREFIXES if units.logins else (*_PREFIXES, _DATABASE)
    for name, value in layered(machine.variables, Path.cwd()).variables.items():
        if name.startswith(prefixes) and name not in _OF_UNITS and seen.get(name) != value:
            yield name


def _on_deciding(units: Units) -> Iterator[str]:
    """Say where a person decides, on a database with roles."""
    if LC_APPROVER in units.logins:
        yield (
            f"A person decides at http://127.0.0.1:{units.approver_port} (council-approver.service)"
            ": let COUNCIL_WEB_URL name it, for messages lead there."
        )
    elif units.logins:
        yield (
            "No page here lets a person decide, for the login of lc_approver is kept elsewhere: "
            "`council serve` with it does, or `council approve`."
        )
