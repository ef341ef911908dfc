"""The upkeep of every day: one step after the other, each failing alone, and said which did."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Final

from config import logs
from config.errors import CouncilError
from council.jobs.running import Worked
from mcp_server.wiring import App

STEPS: Final = ("publish_head", "prune_answers", "back_up")
"""Modules of `mcp_server.upkeep`, each with a function of its own name; in this order, so that the
backup has what the others left."""
LONGEST_STEP: Final = timedelta(minutes=30)
"""Then a step is given up for this day: the ones after it have to come, too."""

Step = Callable[[App], Awaitable[str]]
"""Does its part of the upkeep, if it is not done for today, and returns a sentence on it."""


async def keep_up(app: App, steps: Sequence[str] = STEPS) -> Worked:
    """Do all steps; the outcome is their sentences, the problems those of the ones that failed."""
    said, problems = [], []
    for name in steps:
        try:
            async with asyncio.timeout(LONGEST_STEP.total_seconds()):
                said.append(_sentence(await _step(name)(app)))
        except Exception as error:  # noqa: BLE001 - the entry point of a step; each fails alone
            problems.append(_sentence(f"{name.replace('_', ' ')} failed: {_reason(name, error)}"))
    return Worked(" ".join((*said, *problems)), tuple(problems))


def _step(name: str) -> Step:
    # Each brings what the others do without, such as the tools of a backup.
    step: Step = getattr(import_module(f"mcp_server.upkeep.{name}"), name)
    return step


def _reason(name: str, error: Exception) -> str:
    if isinstance(error, CouncilError):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"it was not over within {LONGEST_STEP.total_seconds() / 60:.0f} minutes"
    logs.logger("upkeep").error("upkeep.broke", step=name, exc_info=error)
    # What it says may be anything, a key included; the log masks those.
    return f"unexpected {type(error).__name__}, the log says why and where"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
