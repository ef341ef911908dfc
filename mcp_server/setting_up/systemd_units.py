"""The text of systemd's units for this installation: the templates of `config/systemd`, filled in.

A system's units run as the user `council`, whose number stays the same: the embedded database and
its backups belong to it for years, and a person can become it. (With DynamicUser= the owner of the
files may change, and nobody could run a command beside the services.) The embedded database has a
service of its own: a process of it that another service had started would end with that service.

A database with roles has a server that shows and proposes, and beside it, if the approver's login
is on this machine, one on which a person decides.

A user's units have no namespaces: many machines let only root make them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from config.errors import RefusedError
from config.schema import ScheduleFile
from council.slot_facts import JobName
from mcp_server.database_roles import FOLDER
from mcp_server.setting_up.launching import is_for_one_run, own_launch
from mcp_server.setting_up.machine import Machine
from mcp_server.setting_up.systemd_calendar import calendar_of, timer_name
from store.grants import LC_APPROVER, LC_EXEC, LC_MCP, ROLES

Scope = Literal["system", "user"]
HEADER: Final = (
    "# Written by `council install systemd`, which renews it, or removes it with --remove.\n"
    "# What you change belongs into `systemctl edit UNIT`, which stays.\n"
)
SYSTEM_HOME: Final = Path("/var/lib/council")
TARGET: Final = "council.target"
APPROVER_PORT: Final = 8932
"""Where the approver's page is; the server with the tools has the port of `council serve`."""
_DATABASE: Final = "council-database.service"
_APPROVER: Final = "council-approver.service"
_SERVICES: Final = ("council-server.service", "council-executor.service")
_INSTANCES: Final = ("council-job@.service", "council-alert@.service")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./@:+=,-]+")
_HOMES: Final = ("/home", "/root", "/run/user")
_NETWORK: Final = "Wants=network-online.target\nAfter=network-online.target"


@dataclass(frozen=True, slots=True)
class Units:
    """What the templates are filled with; paths and words are quoted as systemd wants them."""

    is_system: bool
    is_embedded: bool
    council: str
    home: str
    variables: tuple[tuple[str, str], ...]
    credentials: str
    logins: Mapping[str, str]
    """Files with an address of the database, by the role that its login belongs to."""
    protect_home: str
    writable: tuple[str, ...]
    calendar: Mapping[JobName, tuple[str, ...]]
    after_network: str = field(default="")
    approver_port: int = APPROVER_PORT

    @property
    def services(self) -> tuple[str, ...]:
        """Return the services that always run, the one first on which the others rest."""
        own = (_DATABASE,) if self.is_embedded else ()
        return (*own, *_SERVICES, *((_APPROVER,) if LC_APPROVER in self.logins else ()))

    @property
    def members(self) -> tuple[str, ...]:
        """Return what starts and stops with the target."""
        return (*self.services, *map(timer_name, self.calendar))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings of this installation mean for its units."""

    schedule: ScheduleFile
    is_embedded: bool
    variables: Mapping[str, str]
    """What the services are given beside their home; no secrets, for others may read units."""
    writable: tuple[Path, ...] = ()


def units_of(machine: Machine, scope: Scope, wanted: Wanted) -> Units:
    """Return what the units of this installation say.

    Raises:
        RefusedError: services cannot start this installation, or one would have no login.
        ConfigError: a time of the schedule lies where clocks change.
    """
    is_system = scope == "system"
    if is_for_one_run(machine):
        raise RefusedError(
            "This program was brought here for one run, and services need one that stays: "
            "`uv tool install llm-trading-council`, then `council install systemd`."
        )
    if is_system and (closed := closed_to_others(machine)) is not None:
        raise RefusedError(
            f"The services' own user could not start this program, {closed} keeps it out: install "
            "it where all may read it, such as with UV_TOOL_DIR=/opt/council "
            "UV_PYTHON_INSTALL_DIR=/opt/python UV_TOOL_BIN_DIR=/usr/local/bin, or use --user."
        )
    launch = own_launch(machine)
    home = SYSTEM_HOME if is_system else machine.council_home
    variables = {**launch.variables, **wanted.variables, "COUNCIL_HOME": str(home)}
    return Units(
        is_system=is_system,
        is_embedded=wanted.is_embedded,
        council=" ".join(map(_word, (launch.command, *launch.arguments[:-1]))),
        home=_line(str(home)) if is_system else f"-{_line(str(home))}",
        variables=tuple((name, _quoted(value)) for name, value in sorted(variables.items())),
        credentials=_line(str(machine.council_home / "env")) if is_system else "",
        logins={} if wanted.is_embedded else logins_in(machine.council_home),
        protect_home="read-only" if _lies_in_a_home(machine) else "yes",
        writable=tuple(_word(str(folder)) for folder in wanted.writable),
        calendar=calendar_of(wanted.schedule),
        # A user's own systemd knows no network, and starts long after it.
        after_network=_NETWORK if is_system else "",
    )


def texts_of(units: Units) -> dict[str, str]:
    """Return the text of every unit by the name of its file."""
    environment = Environment(
        loader=PackageLoader("config", "systemd"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - units are no HTML; values are quoted for systemd
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = (TARGET, *units.services, *_INSTANCES)
    made = {name: environment.get_template(f"{name}.j2").render(unit=units) for name in names}
    timer = environment.get_template("council-job.timer.j2")
    made |= {timer_name(job): timer.render(unit=units, job=job) for job in units.calendar}
    return {name: HEADER + _tidied(text) for name, text in sorted(made.items())}


def sysusers_text() -> str:
    """Return the file by which systemd makes the user of a system's services."""
    text, _, _ = PackageLoader("config", "systemd").get_source(Environment(), "council.sysusers.j2")  # noqa: S701 - as above
    return HEADER + text


def closed_to_others(machine: Machine) -> Path | None:
    """Return a folder of this program that not every user may enter, if there is one."""
    folders = {step for path in _program(machine) for step in path.parents if step.exists()}
    return next((one for one in sorted(folders) if not one.stat().st_mode & 0o001), None)


def _program(machine: Machine) -> Iterator[Path]:
    """Yield where the program lies: its command, the Python behind it, and a checkout."""
    yield machine.scripts / "council"
    yield machine.python.resolve()
    if machine.origin is not None and machine.origin.checkout is not None:
        yield machine.origin.checkout / "mcp_server"


def logins_in(home: Path) -> dict[str, str]:
    """Return the files that `council db roles` wrote, by role; empty without roles.

    Raises:
        RefusedError: a service would be without one, and so use a database of its own.
    """
    found = {role: home / FOLDER / role for role in ROLES}
    logins = {role: _line(str(file)) for role, file in found.items() if file.is_file()}
    if logins and (missing := [str(found[r]) for r in (LC_MCP, LC_EXEC) if r not in logins]):
        raise RefusedError(
            f"{' and '.join(missing)} of the services is not there: `council db roles` writes it."
        )
    return logins


def _lies_in_a_home(machine: Machine) -> bool:
    return any(path.is_relative_to(home) for path in _program(machine) for home in _HOMES)


def _word(text: str) -> str:
    """Return one word of a line that has several."""
    escaped = _line(text).replace("$", "$$")
    return escaped if _PLAIN.fullmatch(text) else f'"{_escaped(escaped)}"'


def _quoted(text: str) -> str:
    return _escaped(_line(text))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _line(text: str) -> str:
    """Return a value that is a whole line; % would be filled in by systemd."""
    return text.replace("%", "%%")


def _tidied(text: str) -> str:
    return re.sub("\n{3,}", "\n\n", text).strip() + "\n"
