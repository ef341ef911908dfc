"""The doctor's check of systemd: whether anything starts the week when nobody is here."""

import asyncio
import shutil
from typing import Final

from mcp_server.setting_up.machine import Machine
from mcp_server.shapes import CheckShape

_PATIENCE_SECONDS: Final = 5.0
_ALL: Final = ("list-unit-files", "--no-legend", "--plain", "council*.timer")
_ON: Final = ("list-timers", "--no-legend", "--plain", "council*.timer")
_MEND: Final = "`council install systemd`"


async def timers(machine: Machine) -> CheckShape:
    """Say which timers of ours systemd runs, of the user's and of the system's."""
    program = shutil.which("systemctl")
    if machine.system != "linux" or program is None:
        message = "systemd is not here: weeks begin by hand, or by another scheduler"
        return CheckShape(check="timers", result="ok", message=message)
    found = await asyncio.gather(*(_names(program, *who, *_ALL) for who in ((), ("--user",))))
    running = await asyncio.gather(*(_names(program, *who, *_ON) for who in ((), ("--user",))))
    known, on = sorted({*found[0], *found[1]}), {*running[0], *running[1]}
    if not known:
        message = "none of ours: weeks begin by hand, or by another scheduler"
        return CheckShape(check="timers", result="ok", message=message, mend=_MEND)
    if off := [name for name in known if name not in on]:
        message = f"{', '.join(off)} is installed, but does not run"
        mend = f"`systemctl enable --now {off[0]}`, with --user if it is yours."
        return CheckShape(check="timers", result="warn", message=message, mend=mend)
    return CheckShape(check="timers", result="ok", message=f"{', '.join(known)} run")


async def listed() -> str:
    """Return what systemd says of our timers, the system's and the user's; empty without it."""
    program = shutil.which("systemctl")
    if program is None:
        return ""
    said = await asyncio.gather(*(_said(program, *who, *_ON) for who in ((), ("--user",))))
    return "".join(said)


async def _names(program: str, *arguments: str) -> set[str]:
    """Return the timers that systemd lists."""
    words = (await _said(program, *arguments)).split()
    return {word for word in words if word.startswith("council") and word.endswith(".timer")}


async def _said(program: str, *arguments: str) -> str:
    """Return what systemd says; nothing where it does not answer us."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return ""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        return ""
    return said.decode(errors="replace")
