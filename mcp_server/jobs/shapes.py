"""What `council job` prints."""

from collections.abc import Sequence

from council.jobs.running import SlotResult, State
from council.slot_facts import JobName
from mcp_server.shapes import Shape


class SlotResultShape(Shape):
    """What became of one slot in this start; `problems` are the parts of it that failed."""

    slot: str
    state: State
    message: str
    problems: tuple[str, ...]


class JobShape(Shape):
    """What one start of a job came to: the slots that it settled, or the one that stopped it."""

    job: JobName
    slots: tuple[SlotResultShape, ...]


def job_shape(job: JobName, results: Sequence[SlotResult]) -> JobShape:
    """Show the results of one start of `job`."""
    return JobShape(
        job=job,
        slots=tuple(
            SlotResultShape(
                slot=result.slot,
                state=result.state,
                message=result.message,
                problems=result.problems,
            )
            for result in results
        ),
    )
