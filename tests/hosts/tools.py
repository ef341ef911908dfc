"""Where the real clients are: `.ci/node-tools` puts them outside the tree, at exact versions.

A machine without them skips what needs them; under CI that is a failure.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("COUNCIL_NODE_TOOLS") or "~/.cache/council-node-tools").expanduser()
"""Read at import: the session forgets the developer's variables before the first test."""

INSTALL = "run .ci/node-tools"


@dataclass(frozen=True, slots=True)
class NodeTools:
    """The npm packages of tests/hosts/node/package.json, installed, with a Node 22 of their own."""

    folder: Path

    @property
    def node(self) -> Path:
        return self.folder / "node_modules" / ".bin" / "node"

    def command(self, name: str) -> tuple[str, ...]:
        """Return how to start the package's command `name` on that Node."""
        return str(self.node), str((self.folder / "node_modules" / ".bin" / name).resolve())

    def environment(self, home: Path) -> dict[str, str]:
        """Return an environment with nothing of the developer's but the PATH, Node 22 first."""
        return {
            "PATH": f"{self.node.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "NODE_PATH": str(self.folder / "node_modules"),
            "MCP_INSPECTOR_SECRET_STORE": "memory",
        }


def installed_tools() -> NodeTools:
    """Return the npm packages, or skip the test; under CI fail it."""
    if not (FOLDER / "installed.json").is_file():
        _missing(f"the npm tools are not in {FOLDER}: {INSTALL}")
    return NodeTools(FOLDER)


def installed_chromium() -> Path:
    """Return the system's Chromium, or skip the test; under CI fail it."""
    found = shutil.which("chromium")
    if found is None:
        _missing(f"there is no chromium: {INSTALL}")
    return Path(found or "")


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
