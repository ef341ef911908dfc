"""`council install systemd`: the whole council as services and timers of a machine or a user."""

import os
from dataclasses import dataclass
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from config.errors import RefusedError, UsageError
from config.loader import load_config
from config.settings import Settings, load_settings
from mcp_server.output import Output
from mcp_server.setting_up.machine import this_machine
from mcp_server.setting_up.shapes import SystemdShape
from mcp_server.setting_up.systemd import carried_out, places_of, planned_removal, planned_units
from mcp_server.setting_up.systemd_units import Scope, Wanted, logins_in, texts_of, units_of

SYSTEMD: Final = "systemd"
_ROOT: Final = 0
_WOULD: Final = {"added": "add", "replaced": "replace", "removed": "remove"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for; with `print_only` the units are printed and nothing else is done."""

    remove: bool = False
    dry_run: bool = False
    print_only: bool = False
    start: bool = False


def chosen_scope(*, user: bool, system: bool) -> Scope:
    """Return whose services they are to be: root's are the machine's unless it says otherwise.

    Raises:
        UsageError: both were asked for.
    """
    if user and system:
        raise UsageError("Choose one of --user and --system.")
    return "user" if user or (os.geteuid() != _ROOT and not system) else "system"


def install_units(scope: Scope, wish: Wish, output: Output) -> None:
    """Put the units in place, or take them away; show what was done, or would be.

    Raises:
        ConfigError: a setting, a YAML file or one of the units' folders cannot be used.
        RefusedError: a unit is somebody else's, or services cannot start this program.
    """
    machine = this_machine()
    if wish.print_only:
        for name, text in texts_of(units_of(machine, scope, _wanted())).items():
            typer.echo(f"# --- {name}\n{text}")
        return
    places = places_of(machine, scope)
    if wish.remove:
        plan = planned_removal(machine, scope, places=places)
    else:
        plan = planned_units(machine, scope, _wanted(), places=places, start=wish.start)
    shape = plan.shape(dry_run=True) if wish.dry_run else carried_out(plan)
    output.show(shape, lambda console: _draw(console, shape))


def _wanted() -> Wanted:
    settings = load_settings()
    config = load_config(settings.council_config)
    named, backups = settings.council_config, settings.council_backup_dir
    return Wanted(
        schedule=config.schedule,
        is_embedded=_is_embedded(settings),
        variables={} if named is None else {"COUNCIL_CONFIG": str(named.absolute())},
        writable=() if backups is None else (backups.absolute(),),
    )


def _is_embedded(settings: Settings) -> bool:
    """Whether the services will use the embedded database.

    Raises:
        RefusedError: they would, and this shell uses another one.
    """
    home = settings.council_home
    if logins_in(home):
        # Then the owner's address is in the settings of no service.
        return False
    theirs = load_settings({"COUNCIL_HOME": str(home)}, directory=home).database_dsn
    if theirs != settings.database_dsn:
        raise RefusedError(
            "The services would use another database than this shell: put DATABASE_URL into "
            f"{home / 'env'}, or let `council db roles` make them logins of their own."
        )
    return theirs is None


def _draw(console: Console, shape: SystemdShape) -> None:
    changed = [unit for unit in shape.units if unit.change != "unchanged"]
    for unit in changed:
        verb = f"would {_WOULD[unit.change]}" if shape.dry_run else unit.change
        console.print(Text(f"{verb:14} {unit.file}"), soft_wrap=True)
    if not changed:
        console.print(
            f"All {len(shape.units)} units are as they should be."
            if shape.units
            else "There are no units of ours."
        )
    if shape.dry_run and shape.diff:
        console.print(Text(shape.diff), soft_wrap=True)
    for command in shape.commands:
        console.print(
            Text(f"{'would run' if shape.dry_run else 'ran':14} {command}"), soft_wrap=True
        )
    for notice in shape.notices:
        console.print(Text(f"! {notice}", style="yellow"), soft_wrap=True)
    for step in shape.next_steps:
        console.print(Text(f"next: {step}"), soft_wrap=True)
