"""`council` as a real process, with an environment of its own."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

_START = "from mcp_server.start import main; main()"


@dataclass(frozen=True)
class Finished:
    """What a process left behind."""

    code: int
    stdout: str
    stderr: str

    def document(self) -> dict[str, Any]:
        assert self.code == 0, self.stderr
        return cast("dict[str, Any]", json.loads(self.stdout))


async def started(*arguments: str, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start `council ARGUMENTS` with nothing but `environment` and a PATH."""
    bare = {"PATH": os.environ["PATH"], **environment}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _START,
        *arguments,
        env=bare,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finished(process: asyncio.subprocess.Process) -> Finished:
    """Wait for the end of `process`."""
    out, err = await process.communicate()
    return Finished(process.returncode or 0, out.decode(), err.decode())


async def council(*arguments: str, environment: Mapping[str, str]) -> Finished:
    """Run `council ARGUMENTS` to its end."""
    return await finished(await started(*arguments, environment=environment))


def gateway_environment(dsn: str, home: Path, gateway: str) -> dict[str, str]:
    """Say where the database and the gateway are; the exchange never closes."""
    return {
        "HOME": str(home),
        "COUNCIL_HOME": str(home / "council"),
        "DATABASE_URL": dsn,
        "COUNCIL_EXCHANGE_HOURS": "always",
        "REQUESTY_API_KEY": "test-key",
        "REQUESTY_BASE_URL": gateway,
    }
