"""`council install`: puts the MCP server into a host's own settings, or services into systemd."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from config.clock import SystemClock
from config.errors import UsageError
from mcp_server.commands.installing_units import SYSTEMD, Wish, chosen_scope, install_units
from mcp_server.commands.options import JsonFlag
from mcp_server.output import Output
from mcp_server.setting_up.hosts import HOSTS, HostApp, entry_of
from mcp_server.setting_up.installing import carried_out, planned_install, planned_removal
from mcp_server.setting_up.launching import launch_of
from mcp_server.setting_up.machine import this_machine
from mcp_server.setting_up.shapes import InstallShape

Host = Annotated[
    str, typer.Argument(metavar="HOST", help=f"One of {', '.join(HOSTS)}, or systemd.")
]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="What the host calls it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")]
Print = Annotated[
    bool, typer.Option("--print", help="Print the JSON to add by hand, or the units.")
]
Uninstall = Annotated[
    bool, typer.Option("--uninstall", "--remove", help="Take out again what it put there.")
]
User = Annotated[bool, typer.Option("--user", help="systemd: as services of this user.")]
System = Annotated[
    bool, typer.Option("--system", help="systemd: as services of the machine; root's usual way.")
]
Start = Annotated[bool, typer.Option("--start", help="systemd: start them, now and at each boot.")]

_WOULD = {"added": "add", "replaced": "replace", "removed": "remove", "unchanged": "leave"}


def install(  # noqa: PLR0917 - typer calls it by name
    host: Host,
    name: Name = "council",
    dry_run: DryRun = False,
    print_only: Print = False,
    uninstall: Uninstall = False,
    user: User = False,
    system: System = False,
    start: Start = False,
    as_json: JsonFlag = False,
) -> None:
    """Let an MCP host start this server, by its own file; or let systemd run the whole council."""
    output = Output(as_json=as_json)
    if host == SYSTEMD:
        wish = Wish(remove=uninstall, dry_run=dry_run, print_only=print_only, start=start)
        install_units(chosen_scope(user=user, system=system), wish, output)
        return
    if user or system or start:
        raise UsageError("--user, --system and --start belong to `council install systemd`.")
    app, machine = _known(host), this_machine()
    if print_only:
        entry = entry_of(app, launch_of(machine))
        typer.echo(json.dumps({app.key: {name: entry}}, indent=2))
        return
    plan = (planned_removal if uninstall else planned_install)(app, machine, name)
    shape = plan.shape(dry_run=True) if dry_run else carried_out(plan, SystemClock().now())
    output.show(shape, lambda console: _draw(console, shape, app))


def _known(name: str) -> HostApp:
    if name not in HOSTS:
        raise UsageError(
            f'No host is called "{name}": choose one of {", ".join(HOSTS)}, {SYSTEMD}.'
        )
    return HOSTS[name]


def _draw(console: Console, shape: InstallShape, host: HostApp) -> None:
    verb = f"would {_WOULD[shape.change]}" if shape.dry_run else shape.change
    console.print(Text.assemble((host.title, "bold"), f": {verb} {shape.name}"))
    console.print(Text(f"  file    {shape.file}"), soft_wrap=True)
    if shape.backup:
        console.print(Text(f"  backup  {shape.backup}"), soft_wrap=True)
    if shape.entry is not None:
        words = [shape.entry["command"], *shape.entry["args"]]
        console.print(Text(f"  starts  {' '.join(words)}"), soft_wrap=True)
        for variable, value in shape.entry.get("env", {}).items():
            console.print(Text(f"  with    {variable}={value}"), soft_wrap=True)
    for command in shape.commands:
        console.print(Text(f"  by      {command}"), soft_wrap=True)
    for notice in shape.notices:
        console.print(Text(f"  ! {notice}", style="yellow"), soft_wrap=True)
    if not shape.dry_run:
        console.print(Text(shape.next_step), soft_wrap=True)
