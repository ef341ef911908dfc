"""The jobs at research services as the log knows them: what was asked, taken, reported or lost."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from config.clock import Clock
from config.ids import meaning_id
from council.codec import to_event, to_fact
from council.events import ModelCalled
from council.fact import Fact
from council.model.research import PackName, Report
from council.research_facts import (
    ResearchAbandoned,
    ResearchIntended,
    ResearchJobFact,
    ResearchReported,
    ResearchSubmitted,
)
from store.errors import StoreUnavailable
from store.events import StreamWrite
from store.ports import EventStore

Ending = Literal["not_accepted", "failed", "timed_out", "lost"]

_STORING_TRIES = 10
_STORING_PAUSE = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Job:
    """The newest job for a pack at a service; `attempt` 0 means that there never was one."""

    week_id: str
    pack: PackName
    provider: str
    attempt: int = 0
    intended: ResearchIntended | None = None
    submitted: ResearchSubmitted | None = None
    reported: ResearchReported | None = None
    abandoned: ResearchAbandoned | None = None

    @property
    def may_begin_anew(self) -> bool:
        """Tell whether surely nothing was paid so far."""
        gone = self.abandoned is not None and self.abandoned.outcome == "not_accepted"
        return self.attempt == 0 or gone

    def next_attempt(self) -> "Job":
        """Return the job that follows this one, of which nothing is known yet."""
        return Job(self.week_id, self.pack, self.provider, self.attempt + 1)

    def key(self) -> str:
        """Return the idempotency key, the same in every process."""
        return str(meaning_id("research", self.week_id, self.pack, self.provider, self.attempt))

    def call_id(self, ending: str = "") -> UUID:
        """Return the id of the call to a model as which the job is counted."""
        return meaning_id("research-job", *self.named().values(), ending)

    def named(self) -> dict[str, Any]:
        """Return the fields that every fact about this job has."""
        return {
            "week_id": self.week_id,
            "pack": self.pack,
            "provider": self.provider,
            "attempt": self.attempt,
        }

    def is_meant_by(self, fact: ResearchJobFact) -> bool:
        """Tell whether `fact` is about the same pack at the same service."""
        return (fact.pack, fact.provider) == (self.pack, self.provider)

    def after(self, fact: ResearchJobFact) -> "Job":
        """Return the job with `fact` in it; a later attempt takes the place of this one."""
        job = self if fact.attempt == self.attempt else self.next_attempt()
        if isinstance(fact, ResearchIntended):
            return replace(job, intended=fact)
        if isinstance(fact, ResearchSubmitted):
            return replace(job, submitted=fact)
        if isinstance(fact, ResearchReported):
            return replace(job, reported=fact)
        return replace(job, abandoned=fact) if isinstance(fact, ResearchAbandoned) else job


class Jobs:
    """Reads and writes the stream `research-{week_id}`, and in `llm-{week_id}` what jobs cost."""

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def newest(self, week_id: str, pack: PackName, provider: str) -> Job:
        """Return what the log knows of the newest job for `pack` at `provider`."""
        events = await self._store.read_stream(f"research-{week_id}")
        return _folded(Job(week_id, pack, provider), (to_fact(event) for event in events))

    async def intend(self, job: Job, *, model: str, prompt_hash: str) -> Job:
        """Store that the service is about to be asked."""
        named = job.named()
        fact = ResearchIntended(
            **named, model=model, idempotency_key=job.key(), prompt_hash=prompt_hash
        )
        return await self._record(job, fact)

    async def submitted(self, job: Job, job_id: str) -> Job:
        """Store that the service took the job; tried often, as an id that is lost costs a job."""
        now = self._clock.now()
        fact = ResearchSubmitted(
            **job.named(), job_id=job_id, idempotency_key=job.key(), submitted_at=now
        )
        for _ in range(_STORING_TRIES - 1):
            with suppress(StoreUnavailable):
                return await self._record(job, fact)
            await self._clock.sleep(_STORING_PAUSE)
        return await self._record(job, fact)

    async def reported(
        self, job: Job, report: Report, *, reserved_usd: Decimal | None = None
    ) -> Job:
        """Store the report and, in the same transaction, what it cost.

        Where that is unknown, `reserved_usd` counts against the caps.
        """
        fact = ResearchReported(**job.named(), report=report)
        return await self._record(job, fact, self._called(job, report, reserved_usd))

    async def abandoned(
        self,
        job: Job,
        outcome: Ending,
        reason: str,
        *,
        reserved_usd: Decimal | None = None,
    ) -> Job:
        """Store that there is no report; what may have been paid is stored as of unknown cost.

        Against the caps it counts with `reserved_usd`.
        """
        fact = ResearchAbandoned(**job.named(), outcome=outcome, reason=reason)
        cost = () if outcome == "not_accepted" else (self._called(job, fact, reserved_usd),)
        return await self._record(job, fact, *cost)

    async def left_open(self, job: Job, reason: str, *, reserved_usd: Decimal) -> None:
        """Count a job that may be paid although nobody waits for it, once however often it is left.

        It is not abandoned: whoever runs the week again may still have its report, which then
        counts as a call of its own.
        """
        told = f"it may go on with a job that nobody waits for ({reason.rstrip('.')})"
        called = self._called(job, None, reserved_usd).model_copy(
            update={"call_id": job.call_id("open"), "outcome": "timed_out", "reason": told}
        )
        await self._store.append(called.stream, (to_event(called, at=self._clock.now()),))

    async def _record(self, job: Job, fact: ResearchJobFact, *beside: Fact) -> Job:
        now = self._clock.now()
        writes = [StreamWrite(each.stream, (to_event(each, at=now),)) for each in (fact, *beside)]
        await self._store.append_many(writes)
        return job.after(fact)

    def _called(
        self, job: Job, end: Report | ResearchAbandoned | None, reserved_usd: Decimal | None
    ) -> ModelCalled:
        report = end if isinstance(end, Report) else None
        ending = end.outcome if isinstance(end, ResearchAbandoned) else "lost"
        digest = hashlib.sha256(report.text.encode()).hexdigest() if report else None
        return ModelCalled(
            week_id=job.week_id,
            # A report may still come after its time was up, as a call of its own.
            call_id=job.call_id("timed_out" if ending == "timed_out" else ""),
            stage="research",
            asked_by=f"research-{job.pack}",
            requested_model=f"{job.provider}/{job.intended.model if job.intended else 'unknown'}",
            served_model=report.model if report else None,
            attempt=job.attempt,
            outcome="answered" if report else _CALL_OUTCOMES[ending],
            reason=end.reason if isinstance(end, ResearchAbandoned) else None,
            finish_reason=None,
            prompt_hash=job.intended.prompt_hash if job.intended else "",
            answer=None,  # the report stands in its own fact
            answer_sha256=digest,
            prompt_tokens=report.prompt_tokens if report else None,
            completion_tokens=report.completion_tokens if report else None,
            cost_usd=report.cost_usd if report else None,
            cost_source=report.cost_source if report else "none",
            latency_seconds=self._seconds_since(job.submitted),
            reserved_usd=reserved_usd,
        )

    def _seconds_since(self, submitted: ResearchSubmitted | None) -> float:
        if submitted is None:
            return 0.0
        passed = self._clock.now() - submitted.submitted_at
        return round(max(0.0, passed.total_seconds()), 3)


_CALL_OUTCOMES: dict[str, Literal["timed_out", "garbled"]] = {
    "timed_out": "timed_out",
    "lost": "timed_out",
    "failed": "garbled",
}
"""All of them may have been billed."""


def _folded(job: Job, facts: Iterable[Fact]) -> Job:
    for fact in facts:
        if isinstance(fact, ResearchJobFact) and job.is_meant_by(fact):
            job = job.after(fact)
    return job
