"""`council serve` as a real process of a test, at whatever port is free."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

COUNCIL = (sys.executable, "-c", "from mcp_server.start import main; main()")
GRACE_SECONDS = 30


def near_empty(dsn: str, home: Path) -> dict[str, str]:
    """Return the environment that a host gives, with a database; the exchange never closes."""
    return {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": dsn,
        "COUNCIL_HOME": str(home),
        "COUNCIL_EXCHANGE_HOURS": "always",
    }


@contextmanager
def served(environment: Mapping[str, str], *command: str) -> Iterator[str]:
    """Serve until the end of the context; give the address of MCP."""
    arguments = command or (*COUNCIL, "serve", "--port", "0", "--json")
    serving = subprocess.Popen(
        arguments,
        env=dict(environment),
        cwd=environment["HOME"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert serving.stdout is not None
        yield _address(serving.stdout)
    finally:
        serving.terminate()
        serving.communicate(timeout=GRACE_SECONDS)


def _address(stdout: IO[str]) -> str:
    """Return what the server says of itself once it listens."""
    lines = []
    for line in stdout:
        lines.append(line)
        if line.rstrip() == "}":
            break
    return str(json.loads("".join(lines))["mcp_url"])
