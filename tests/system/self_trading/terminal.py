"""A command on a pseudo-terminal, as a model with a shell can have one at any time."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

_START: Final = "from mcp_server.start import main; main()"
_LONGEST_SECONDS: Final = 60
_CHUNK_BYTES: Final = 4096


def at_terminal(
    *arguments: str, environment: Mapping[str, str], answers: Sequence[tuple[str, str]] = ()
) -> tuple[int, str]:
    """Run `council ARGUMENTS` on a terminal and type each answer once its prompt has been shown.

    Returns the exit code and all that the terminal showed, on one line.
    """
    controller, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *arguments],
            env={"PATH": os.environ["PATH"], "COLUMNS": "400", **environment},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        shown = _typed(controller, process, list(answers))
        return process.wait(_LONGEST_SECONDS), " ".join(shown.split())
    finally:
        os.close(controller)


def _typed(
    controller: int, process: "subprocess.Popen[bytes]", answers: list[tuple[str, str]]
) -> str:
    shown, seen, give_up_at = "", 0, time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < give_up_at:
        if not select.select([controller], [], [], 1)[0]:
            continue
        try:
            chunk = os.read(controller, _CHUNK_BYTES)
        except OSError:  # so Linux says that nobody holds the terminal any more
            return shown
        shown += chunk.decode(errors="replace")
        if answers and answers[0][0] in shown[seen:]:
            seen = len(shown)
            os.write(controller, f"{answers.pop(0)[1]}\n".encode())
    with suppress(ProcessLookupError):
        process.kill()
    raise AssertionError(f"{arguments_of(process)} did not end: {shown}")


def arguments_of(process: "subprocess.Popen[bytes]") -> str:
    """Return what was started, for a message."""
    return " ".join(map(str, process.args[3:] if isinstance(process.args, list) else []))
