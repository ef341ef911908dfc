"""The facts about jobs at a research service, kept so that no job is paid twice.

`ResearchIntended` is stored before a service is asked and `ResearchSubmitted` once it gave the job
an id, so that whoever takes over after a crash asks for the same job again instead of a new one.
Stream: `research-{week_id}`.
"""

from datetime import datetime
from typing import ClassVar, Literal

from council.fact import Fact
from council.model.research import PackName, Report


class ResearchJobFact(Fact):
    """Something that happened to the `attempt`th job for a pack at the service `provider`."""

    STREAM: ClassVar[str] = "research-{week_id}"
    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "pack", "provider", "attempt")

    pack: PackName
    provider: str
    attempt: int


class ResearchIntended(ResearchJobFact):
    """A service is about to be asked; `idempotency_key` goes along where the service knows one."""

    model: str
    idempotency_key: str
    prompt_hash: str


class ResearchSubmitted(ResearchJobFact):
    """The service took the job and works on it; from here on it costs money."""

    job_id: str
    idempotency_key: str
    submitted_at: datetime


class ResearchReported(ResearchJobFact):
    """The job's report arrived; it is untrusted text, from which the pack is written."""

    report: Report


class ResearchAbandoned(ResearchJobFact):
    """A job brought no report.

    "not_accepted": there never was a job, another attempt may follow. "failed": the service gave it
    up. "timed_out": it took too long; its report is still taken if it is there later. "lost": it
    may exist, but its id is unknown, and it is not paid a second time.
    """

    MEANING: ClassVar[tuple[str, ...]] = (*ResearchJobFact.MEANING, "outcome")

    outcome: Literal["not_accepted", "failed", "timed_out", "lost"]
    reason: str


RESEARCH_FACTS: tuple[type[Fact], ...] = (
    ResearchIntended,
    ResearchSubmitted,
    ResearchReported,
    ResearchAbandoned,
)
