"""`council setup`: from nothing to a council that runs, by a few questions or by none."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from config.clock import SystemClock
from config.settings import Settings
from mcp_server import operations
from mcp_server.commands.asking import check_terminal
from mcp_server.commands.options import JsonFlag, YesFlag, carry_out
from mcp_server.output import Output, write_error
from mcp_server.rendering.status import show_doctor
from mcp_server.setting_up.asking import TerminalAsking
from mcp_server.setting_up.hosts import HOSTS
from mcp_server.setting_up.machine import Machine, this_machine
from mcp_server.setting_up.settings_file import (
    SettingsFile,
    Written,
    read_settings_file,
    write_answers,
)
from mcp_server.setting_up.shapes import SetupShape
from mcp_server.setting_up.wizard import Answers, asked, unasked
from mcp_server.shapes import DoctorShape
from mcp_server.wiring import opened_store, settled

Keyless = Annotated[
    bool, typer.Option("--keyless", help="Ask for no keys and store none of this shell's.")
]

_NOTHING_CHANGED = "Interrupted; nothing was changed."
_SAVED = "Interrupted; the settings are saved. `council setup` goes on, `council doctor` checks."
_INTERRUPTED = 130


def setup(keyless: Keyless = False, yes: YesFlag = False, as_json: JsonFlag = False) -> None:
    """Ask for keys, database and passphrase, store them, make the database ready, check it all.

    With --yes nothing is asked: keys that this shell has are stored, unless --keyless.
    """
    output, machine = Output(as_json=as_json), this_machine()
    if not yes:
        check_terminal("set up without questions")
    file = read_settings_file(machine, Path.cwd())
    answers = unasked(file.before, keyless=keyless) if yes else _asked(file, output, keyless)
    written = write_answers(file, answers, SystemClock().now())
    output.say(f"Settings are in {file.path}, for you alone.")
    carry_out(_make_ready(file, answers, written, machine=machine, output=output), output, _SAVED)


def _asked(file: SettingsFile, output: Output, keyless: bool) -> Answers:
    try:
        return asked(TerminalAsking(output.side), file.before, keyless=keyless)
    except (KeyboardInterrupt, EOFError):
        write_error(_NOTHING_CHANGED, code="interrupted", as_json=output.as_json)
        raise typer.Exit(_INTERRUPTED) from None


async def _make_ready(
    file: SettingsFile, answers: Answers, written: Written, *, machine: Machine, output: Output
) -> None:
    from mcp_server.doctor import examine  # noqa: PLC0415 - heavy, and only wanted at the end

    settings = settled(output.as_json)
    async with opened_store(settings) as app:
        database = await operations.database_ready(app)
    doctor = await examine()
    shape = _shape(file, answers, written, machine=machine, settings=settings, doctor=doctor)
    shape = shape.model_copy(update={"database": database.message})
    output.show(shape, lambda console: _draw(console, shape))
    if not doctor.healthy:
        raise typer.Exit(1)


def _shape(
    file: SettingsFile,
    answers: Answers,
    written: Written,
    *,
    machine: Machine,
    settings: Settings,
    doctor: DoctorShape,
) -> SetupShape:
    council = _spoken(machine)
    return SetupShape(
        council_home=str(settings.council_home),
        env_file=str(file.path),
        backup=written.backup,
        changed=written.changed,
        secret="set" if answers.secret else "kept" if file.before.has_secret else "none",
        mode="rehearsal" if settings.is_rehearsal else "live",
        database="",
        healthy=doctor.healthy,
        checks=doctor.checks,
        notices=_overruled(file, answers),
        next_steps=(
            f"{council} demo",
            f"{council} run-weekly",
            *(f"{council} install {name}" for name in HOSTS),
        ),
    )


def _spoken(machine: Machine) -> str:
    """Return how a person calls the program here."""
    checkout = machine.origin.checkout if machine.origin else None
    return "uv run council" if checkout is not None else "council"


def _overruled(file: SettingsFile, answers: Answers) -> tuple[str, ...]:
    """Point at settings that were written but that this shell sets to something else."""
    known = file.before.settings
    names = [
        name
        for name, value in answers.changes.items()
        if name in known and known[name].source == "shell" and known[name].value != value
    ]
    if not names:
        return ()
    return (f"This shell also sets {', '.join(names)}, and wins: unset it there.",)


def _draw(console: Console, shape: SetupShape) -> None:
    show_doctor(console, DoctorShape(healthy=shape.healthy, checks=shape.checks))
    for notice in shape.notices:
        console.print(Text(f"! {notice}", style="yellow"))
    if shape.backup:
        console.print(Text(f"The former settings: {shape.backup}"), soft_wrap=True)
    console.print(Text("Next, whichever you like:", style="bold"))
    for step in shape.next_steps:
        console.print(Text(f"  {step}"), soft_wrap=True)
    sys.stdout.flush()
