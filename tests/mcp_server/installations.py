"""Machines on which something is installed, for the tests of setting up."""

import os
from collections.abc import Mapping
from pathlib import Path

from mcp_server.setting_up.machine import Machine, Origin, System


def make_machine(
    home: Path,
    *,
    system: System = "linux",
    variables: Mapping[str, str] | None = None,
    origin: Origin | None = None,
    council_home: Path | None = None,
    scripts: Path | None = None,
) -> Machine:
    """Return a machine with this user's folder and nothing on its PATH; `council` is installed."""
    chosen = scripts or home / "venv" / "bin"
    chosen.mkdir(parents=True, exist_ok=True)
    make_command(chosen, "council.exe" if system == "windows" else "council")
    return Machine(
        system=system,
        user_folder=home,
        council_home=council_home or home / ".council",
        variables={"PATH": "", **(variables or {})},
        python=chosen / "python",
        scripts=chosen,
        origin=origin,
    )


def make_command(folder: Path, name: str, script: str = "exit 0") -> Path:
    """Write a command that a shell would find in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return command


def hosts_environment(home: Path, **variables: str) -> dict[str, str]:
    """Return what a host gives the programs that it starts: almost nothing."""
    return {"HOME": str(home), "PATH": os.defpath, **variables}
