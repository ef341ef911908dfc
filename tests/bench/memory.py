"""How much memory a process holds, as the kernel counts it."""

import asyncio
import re
from contextlib import suppress
from pathlib import Path

_LOOK_SECONDS = 0.02


def resident_bytes(pid: int) -> int:
    """Return how much of a running process is in memory."""
    return _said(pid, "VmRSS")


async def peak_bytes(process: asyncio.subprocess.Process) -> int:
    """Return the most that a process had in memory until it ended; nobody else waits for it."""
    peak = 0
    ended = asyncio.create_task(process.wait())
    while not ended.done():
        # Asked of the kernel, which has seen what was between two looks. What the parent that
        # started it holds would count in the rusage of its end.
        with suppress(FileNotFoundError, ProcessLookupError, LookupError):
            peak = max(peak, _said(process.pid, "VmHWM"))
        await asyncio.wait((ended,), timeout=_LOOK_SECONDS)
    return peak


def _said(pid: int, name: str) -> int:
    found = re.search(
        rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE
    )
    if found is None:
        raise LookupError(f"process {pid} has ended")
    return 1024 * int(found[1])
