"""Modules that the stdio server needs for calls only: each is loaded when something in it is used.

A host lists the tools long before it calls one, and waits for that. Whoever wants such a module
later imports it as a module (`from mcp_server import operations`) and names what is in it where it
is used: importing a name out of it loads it at once.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

LATER = frozenset(
    {
        "config.logs",
        "config.settings",
        "council.run_requests",
        "mcp_server.duties",
        "mcp_server.operations",
        "mcp_server.prompt_material",
        "mcp_server.tools.approving",
        "mcp_server.tools.checking",
        "mcp_server.tools.following",
        "mcp_server.tools.general",
        "mcp_server.tools.kinds",
        "mcp_server.tools.outcomes",
        "mcp_server.tools.overview",
        "mcp_server.tools.records",
        "mcp_server.tools.stopping",
        "mcp_server.tools.trades",
        "mcp_server.tools.week",
        "mcp_server.wiring",
    }
)


class _LaterFinder(MetaPathFinder):
    """Finds the modules of `LATER` as Python does, and lets their loading wait."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module that can wait; None leaves any other to the next finder."""
        if fullname not in LATER:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def load_later() -> None:
    """Let the modules of `LATER` wait, in this process and from now on."""
    sys.meta_path.insert(0, _LaterFinder())
