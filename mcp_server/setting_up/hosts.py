"""The MCP hosts that `council install` knows: where each keeps its servers, and in which shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mcp_server.setting_up.launching import OWN_VARIABLES, Launch
from mcp_server.setting_up.machine import Machine

HostName = Literal["claude-desktop", "claude-code", "cursor", "vscode"]


@dataclass(frozen=True, slots=True)
class HostApp:
    """One host; `key` is the object of its file that holds the servers by name."""

    name: HostName
    title: str
    key: str
    typed: bool
    afterwards: str
    """What a person does next, for the host to notice."""


HOSTS: Mapping[str, HostApp] = {
    host.name: host
    for host in (
        HostApp(
            "claude-desktop",
            "Claude Desktop",
            "mcpServers",
            typed=False,
            afterwards="Quit Claude Desktop fully (closing its window is not enough), reopen it.",
        ),
        HostApp(
            "claude-code",
            "Claude Code",
            "mcpServers",
            typed=True,
            afterwards="Start a new session of `claude`; /mcp lists the server.",
        ),
        HostApp(
            "cursor",
            "Cursor",
            "mcpServers",
            typed=False,
            afterwards="Reopen Cursor; its settings list the server under MCP.",
        ),
        HostApp(
            "vscode",
            "VS Code",
            "servers",
            typed=True,
            afterwards='Run "MCP: List Servers" in VS Code, choose it and start it.',
        ),
    )
}


def host_file(host: HostApp, machine: Machine) -> Path:
    """Return the file in which `host` keeps the servers of this user."""
    match host.name:
        case "claude-desktop":
            return _applications(machine) / "Claude" / "claude_desktop_config.json"
        case "claude-code":
            folder = machine.variables.get("CLAUDE_CONFIG_DIR")
            return (Path(folder) if folder else machine.user_folder) / ".claude.json"
        case "cursor":
            return machine.user_folder / ".cursor" / "mcp.json"
        case "vscode":
            return _applications(machine) / "Code" / "User" / "mcp.json"


def _applications(machine: Machine) -> Path:
    """Return the folder in which programs of this system keep what belongs to the user."""
    if machine.system == "macos":
        return machine.user_folder / "Library" / "Application Support"
    if machine.system == "windows":
        default = machine.user_folder / "AppData" / "Roaming"
        return Path(machine.variables.get("APPDATA") or default)
    return Path(machine.variables.get("XDG_CONFIG_HOME") or machine.user_folder / ".config")


def entry_of(host: HostApp, launch: Launch, former: Mapping[str, Any] | None = None) -> Any:
    """Return the server's entry in `host`'s file; what `former` held besides stays in it."""
    entry: dict[str, Any] = dict(former or {})
    if host.typed:
        entry["type"] = "stdio"
    entry |= {"command": launch.command, "args": list(launch.arguments)}
    kept = {k: v for k, v in (entry.pop("env", None) or {}).items() if k not in OWN_VARIABLES}
    if variables := {**kept, **launch.variables}:
        entry["env"] = variables
    return entry


def is_ours(entry: object) -> bool:
    """Return whether an entry starts a council of whatever installation."""
    if not isinstance(entry, dict) or not isinstance(entry.get("args"), list):
        return False
    words = [str(word) for word in (entry.get("command", ""), *entry["args"])]
    names = {word.replace("\\", "/").rpartition("/")[2].removesuffix(".exe") for word in words}
    return "mcp" in words and bool(names & {"council", "mcp_server.start"})
