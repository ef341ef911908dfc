"""Which run a run id names, what its tool answers of it, and what get_run does."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mcp_server.asking import RUN_PREFIX
from mcp_server.host import Host
from mcp_server.runs import CHECKPOINT_PREFIX, WHOLE_WEEK, run_of
from mcp_server.tools.checking import checkpoint_run_of, checkpoints_answer, looks_as_week
from mcp_server.tools.following import Run, Standing, looked_at
from mcp_server.tools.general import council_answer, question_as_week, question_run
from mcp_server.tools.results import RunAnswer, WeekAnswer
from mcp_server.tools.running import week_run
from mcp_server.tools.week_answers import STEP_ANSWERS, week_answer
from mcp_server.wiring import App


@dataclass(frozen=True, slots=True)
class Kind:
    """A run with its two answers: that of the tool that starts it, and that of get_run."""

    run: Run[Any]
    own_answer: Callable[[Standing[Any]], RunAnswer]
    week_answer: Callable[[Standing[Any]], WeekAnswer]


def kind_of(run_id: str, app: App) -> Kind:
    """Return the run that `run_id` names, whether or not anybody ever asked for it.

    Raises:
        UsageError: it is no run id.
    """
    if run_id.startswith(RUN_PREFIX):
        run = question_run(run_id.removeprefix(RUN_PREFIX), app)
        return Kind(run, council_answer, question_as_week)
    if run_id.startswith(CHECKPOINT_PREFIX):
        return Kind(checkpoint_run_of(run_id, app), checkpoints_answer, looks_as_week)
    week_id, stage = run_of(run_id)
    as_week = partial(week_answer, stage=stage)
    own = as_week if stage == WHOLE_WEEK else STEP_ANSWERS[stage]
    return Kind(week_run(week_id, stage), own, as_week)


async def run_answer(host: Host, run_id: str) -> WeekAnswer:
    """Return how far a run has come, and carry nothing on."""
    kind = kind_of(run_id, await host.app())
    return kind.week_answer(await looked_at(host, kind.run))
