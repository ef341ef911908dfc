"""The Inspector's command line as a client: one process a call, in either protocol era."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from tests.hosts.tools import NodeTools

Era = Literal["legacy", "modern"]
LIMIT_SECONDS = 60
TOOL_ERROR = 5
"""How the Inspector ends where a tool's result says that it is an error."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one call of the Inspector left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.stdout)["result"])

    @property
    def text(self) -> str:
        return "\n".join(part["text"] for part in self.result["content"])


@dataclass(frozen=True, slots=True)
class Inspector:
    """Calls the server that a configuration file names."""

    tools: NodeTools
    config: Path

    @classmethod
    def of(cls, tools: NodeTools, home: Path, server: dict[str, Any], era: Era) -> "Inspector":
        """Write a configuration with one server, spoken to in `era`."""
        config = home / f"inspector-{era}.json"
        config.write_text(json.dumps({"mcpServers": {"council": {**server, "protocolEra": era}}}))
        return cls(tools, config)

    def call(self, method: str, *options: str) -> Answered:
        """Make one call, as JSON."""
        return self.run("--method", method, "--format", "json", *options)

    def tool(self, name: str, **arguments: object) -> Answered:
        """Call a tool."""
        given = ("--tool-args-json", json.dumps(arguments)) if arguments else ()
        return self.call("tools/call", "--tool-name", name, *given)

    def told(self, name: str, **arguments: object) -> dict[str, Any]:
        """Call a tool that must succeed; what it says as structure."""
        answered = self.tool(name, **arguments)
        assert answered.code == 0, answered.stdout + answered.stderr
        return cast("dict[str, Any]", answered.result["structuredContent"])

    def run(self, *options: str) -> Answered:
        """Run the command line to its end."""
        done = subprocess.run(
            (
                *self.tools.command("mcp-inspector"),
                *("--cli", "--config", str(self.config), "--server", "council"),
                *options,
            ),
            env=self.tools.environment(self.config.parent),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        return Answered(done.returncode, done.stdout, done.stderr)
