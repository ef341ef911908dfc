"""Changes one server's entry in a host's JSON file and nothing else in it.

The file is somebody else's: it keeps its order, indentation and line ends, and is left alone where
it is not plain JSON, because comments would be lost.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from config.errors import ConfigError, RefusedError
from mcp_server.setting_up.hosts import HostApp, is_ours

_USUAL_INDENT = 2


@dataclass(frozen=True, slots=True)
class HostFile:
    """A host's file as it was read: its JSON, and how its text was written."""

    path: Path
    text: str | None
    document: Mapping[str, Any]

    def servers(self, host: HostApp) -> Mapping[str, Any]:
        """Return the servers by name.

        Raises:
            ConfigError: what stands there is no object.
        """
        servers = self.document.get(host.key, {})
        if not isinstance(servers, dict):
            raise ConfigError(f'"{host.key}" in {self.path} is no object: mend it by hand first.')
        return servers

    def entry(self, host: HostApp, name: str) -> Mapping[str, Any] | None:
        """Return the council's entry under `name`, or None where there is none.

        Raises:
            RefusedError: the name belongs to another server.
        """
        entry = self.servers(host).get(name)
        if entry is None:
            return None
        if not is_ours(entry):
            raise RefusedError(
                f'{self.path} has another server called "{name}", which was left alone: '
                "choose another name with --name."
            )
        return dict(entry)

    def text_with(self, host: HostApp, name: str, entry: Mapping[str, Any] | None) -> str:
        """Return the file's new text with `entry` under `name`, or without any for None."""
        servers = dict(self.servers(host))
        if entry is None:
            servers.pop(name, None)
        else:
            servers[name] = entry
        document = {**self.document, host.key: servers}
        written = json.dumps(document, indent=_indent(self.text), ensure_ascii=False)
        written += "\n" if self.text is None or self.text.endswith("\n") else ""
        return written.replace("\n", "\r\n") if "\r\n" in (self.text or "") else written


def read_host_file(path: Path) -> HostFile:
    """Read a host's file; one that is not there, or empty, is an empty object.

    Raises:
        ConfigError: it cannot be read, or is not plain JSON.
    """
    try:
        # Read as bytes, so that a file of Windows keeps its line ends.
        text = path.read_bytes().decode("utf-8-sig") if path.is_file() else None
        document = json.loads(text, **_STRICT) if text and text.strip() else {}
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} was left alone: it is no plain JSON that can be read ({error}), and comments "
            "in it would be lost; add by hand what `council install HOST --print` shows."
        ) from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path} was left alone: it holds no JSON object; mend it first.")
    return HostFile(path, text, document)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"the name {twice[0]!r} stands in it twice")
    return dict(pairs)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_STRICT: Mapping[str, Any] = {"object_pairs_hook": _once, "parse_constant": _refuse_constant}


def _indent(text: str | None) -> int | str:
    """Return how deep the file indents its first level."""
    for line in (text or "").splitlines()[1:]:
        if stripped := line.lstrip(" \t"):
            return line[: len(line) - len(stripped)] or _USUAL_INDENT
    return _USUAL_INDENT
