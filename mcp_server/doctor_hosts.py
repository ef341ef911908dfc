"""The doctor's checks of what an MCP host meets: its files, the server's start, certificates."""

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

from config.errors import CouncilError
from mcp_server.setting_up.host_files import read_host_file
from mcp_server.setting_up.hosts import HOSTS, HostApp, host_file, is_ours
from mcp_server.setting_up.launching import Launch, launch_of, own_launch
from mcp_server.setting_up.machine import Machine
from mcp_server.shapes import CheckShape

LONGEST_START = timedelta(seconds=30)
"""Hosts give up after 30 to 60 seconds."""
_SLOW_START = timedelta(seconds=10)
_CERTIFICATES = "SSL_CERT_FILE"
_OTHERS_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def hosts(machine: Machine) -> Iterator[CheckShape]:
    """Check the hosts' files that name a council: do they start this installation?"""
    found = [check for host in HOSTS.values() for check in _of_host(host, machine)]
    yield from found
    if not found:
        message = f"none of {', '.join(HOSTS)} has this server"
        mend = "`council install HOST`, if one of them is used."
        yield CheckShape(check="hosts", result="ok", message=message, mend=mend)


def _of_host(host: HostApp, machine: Machine) -> Iterator[CheckShape]:
    check, mend = f"host {host.name}", f"`council install {host.name}`"
    try:
        servers = read_host_file(host_file(host, machine)).servers(host)
    except CouncilError as error:
        yield CheckShape(check=check, result="warn", message=str(error), mend="Mend that file.")
        return
    for name, entry in servers.items():
        if is_ours(entry):
            problem = _problem_with(entry, launch_of(machine), machine)
            mend = f"`council install {host.name}{'' if name == 'council' else f' --name {name}'}`"
            yield CheckShape(
                check=check,
                result="warn" if problem else "ok",
                message=f'"{name}" {problem or "starts this installation"}',
                mend=mend,
            )


def _problem_with(entry: dict[str, Any], launch: Launch, machine: Machine) -> str | None:
    """Return what keeps a host's entry from starting this installation, if anything does."""
    command, variables = str(entry.get("command", "")), entry.get("env") or {}
    if not Path(command).is_absolute():
        return f"calls {command} without its path, which a host may not find"
    if not Path(command).is_file():
        return f"calls {command}, which is not there any more"
    if not _is_same(command, launch.command) or entry["args"] != list(launch.arguments):
        return "starts another installation than this"
    if variables.get("COUNCIL_HOME") != launch.variables.get("COUNCIL_HOME"):
        return f"does not use {machine.council_home}"
    if _CERTIFICATES in launch.variables and _CERTIFICATES not in variables:
        return f"starts without {_CERTIFICATES}, which this shell needs"
    return None


def _is_same(command: str, other: str) -> bool:
    """Return whether two commands are one; of uv a machine may have several, all alike."""
    name, others = Path(command).stem, Path(other).stem
    return command == other or (name == others and name in {"uv", "uvx"})


def certificates(machine: Machine) -> CheckShape:
    """Check a proxy's certificates: without them a host's `uv` dies before the server starts."""
    file = machine.variables.get(_CERTIFICATES)
    check = "certificates"
    if file:
        there = Path(file).is_file()
        message = f"{_CERTIFICATES} is {file}" + ("" if there else ", which is not there")
        mend = f"Set {_CERTIFICATES} to a file of certificates, or unset it."
        return CheckShape(check=check, result="ok" if there else "fail", message=message, mend=mend)
    others = [name for name in _OTHERS_CERTIFICATES if machine.variables.get(name)]
    if others:
        message = f"{', '.join(others)} is set, but not {_CERTIFICATES}"
        mend = f"Behind a proxy set {_CERTIFICATES} to that file, then `council install HOST`."
        return CheckShape(check=check, result="warn", message=message, mend=mend)
    return CheckShape(check=check, result="ok", message="the system's own")


async def handshake(machine: Machine) -> CheckShape:
    """Start the server as a host does, in a near-empty environment, and ask for its tools."""
    check = "start for hosts"
    began = perf_counter()
    try:
        async with asyncio.timeout(LONGEST_START.total_seconds()):
            tools = await _tools(own_launch(machine), machine)
    except Exception as error:  # noqa: BLE001 - whatever it is, a host would meet it as well
        message = f"the server does not start ({_words(error)})"
        mend = "`council mcp` in a terminal says why; hosts log its stderr."
        return CheckShape(check=check, result="fail", message=message, mend=mend)
    taken = timedelta(seconds=perf_counter() - began)
    return CheckShape(
        check=check,
        result="warn" if taken > _SLOW_START else "ok",
        message=f"{tools} tools listed {taken.total_seconds():.1f} s after the start",
        mend="Hosts give up after 30 to 60 s: see to the load of this machine.",
    )


async def _tools(launch: Launch, machine: Machine) -> int:
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 - heavy, for this check alone
    from mcp.client.stdio import stdio_client  # noqa: PLC0415 - likewise

    kept = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "SYSTEMROOT", "TEMP", "PATH")
    variables = {name: machine.variables[name] for name in kept if name in machine.variables}
    folder = machine.user_folder
    server = StdioServerParameters(
        command=launch.command,
        args=list(launch.arguments),
        env={**variables, **launch.variables},
        # Not here: a `.env` of this folder is none that a host would see.
        cwd=folder if folder.is_dir() else folder.anchor,
    )
    with _unread() as unread:
        async with Client(stdio_client(server, errlog=unread)) as client:
            return len((await client.list_tools()).tools)


def _unread() -> TextIO:
    """Open where the server's own words go: the check says what matters of them."""
    return Path(os.devnull).open("w", encoding="utf-8")


def _words(error: BaseException) -> str:
    """Return the first real reason: task groups wrap it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".rstrip(": .")
