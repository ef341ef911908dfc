"""The facts about what was asked to run: who follows a run finds here that it was wanted, and how.

Stream: `request-{run_id}`. What the run leads to is in the streams of its week or its question.
"""

from typing import ClassVar

from council.fact import Fact


class RunFact(Fact):
    """Something that was asked of one run; `number` counts the requests for it, from 1."""

    STREAM: ClassVar[str] = "request-{run_id}"
    MEANING: ClassVar[tuple[str, ...]] = ("run_id", "number")

    run_id: str
    number: int


class RunRequested(RunFact):
    """Somebody asked for the run; `query` is the wish with which its week begins, if it does."""

    query: str | None


class RunCancelled(RunFact):
    """Somebody took the request back: the run stops after the stage in flight."""


RUN_FACTS: tuple[type[Fact], ...] = (RunRequested, RunCancelled)
