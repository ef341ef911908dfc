"""Research by a service that searches the web for minutes: handed in once, awaited to its end.

A job is looked for in the log first. What was taken is only ever looked at again, by whatever
process; what may have been taken is handed in again under the same key, where the service knows
keys, and counts as lost elsewhere: the next provider's pack is worth more than a job paid twice.
"""

from dataclasses import dataclass

from config.clock import Clock
from council.events import Silence
from council.llm.budget import Budget, Claim, OverBudget
from council.llm.questions import research_question
from council.llm.wire_schema import schema_text, wire_schema
from council.model.research import Report
from council.ports import Abstained, Models, ResearchResult, ResearchTask
from council.research.jobs import Ending, Job, Jobs
from council.research.service import (
    Accepted,
    Failed,
    KeyRefused,
    NotAccepted,
    Order,
    ResearchService,
    Submission,
    Unclear,
)
from council.research.waiting import awaited
from council.research.writing import written_pack
from council.templates import prompt_hash, render

SUBMISSIONS = 3
"""The most times that one process hands a job in."""
_ENDED = frozenset({"failed", "lost"})


@dataclass(frozen=True, slots=True)
class DeepResearch:
    """A `ResearchProvider` over one service; `models` write the pack where the service did not.

    Without a `budget` nothing is set aside and nothing is refused.
    """

    service: ResearchService
    models: Models
    jobs: Jobs
    clock: Clock
    budget: Budget | None = None

    @property
    def name(self) -> str:
        """Return the service and its model, as the pack will show it."""
        return f"{self.service.name}/{self.service.model}"

    async def research(self, task: ResearchTask) -> ResearchResult | Abstained:
        """Have the report written, or take the one that is stored, and make the pack of it.

        Raises:
            StoreUnavailable: a step could not be recorded; the same task may be repeated.
        """
        report = await self._report(task)
        if isinstance(report, Abstained):
            return report
        return await written_pack(report, task, self.models, source=self.name)

    async def _report(self, task: ResearchTask) -> Report | Abstained:
        job = await self.jobs.newest(task.week_id, task.pack, self.service.name)
        if job.reported:
            return job.reported.report
        if job.abandoned and job.abandoned.outcome in _ENDED:
            return self._none(job.abandoned.reason)
        if job.submitted and not job.abandoned:
            self._set_aside(job)
        taken = job if job.submitted else await self._hand_in(job, task)
        return taken if isinstance(taken, Abstained) else await self._wait(taken, task)

    async def _hand_in(self, job: Job, task: ResearchTask) -> Job | Abstained:
        order, perhaps_taken = order_for(task), not job.may_begin_anew
        if not perhaps_taken:
            hashed = prompt_hash(order.rules, order.task, order.schema_text)
            job = job.next_attempt()
            if refusal := await self._reserve(job):
                return self._none(refusal.reason, "over_budget")
            job = await self.jobs.intend(job, model=self.service.model, prompt_hash=hashed)
        elif not self.service.knows_keys:
            return await self._lose(job, "the program ended while it handed the job in")
        else:
            self._set_aside(job)
        outcome = await self._submitted(order, job.key(), perhaps_taken=perhaps_taken)
        if isinstance(outcome, Accepted):
            task.tell(f"{self.name} took the job")
            return await self.jobs.submitted(job, outcome.job_id)
        if isinstance(outcome, NotAccepted):
            await self._abandoned(job, "not_accepted", outcome.reason)
            return self._none(outcome.reason)
        if self.service.knows_keys:  # whoever runs the week again asks for the same job
            return await self._leave(job, outcome.reason)
        return await self._lose(job, outcome.reason)

    async def _reserve(self, job: Job) -> OverBudget | None:
        """Set aside what the report can cost; what is under way already is paid in any case."""
        if self.budget is None:
            return None
        return await self.budget.reserve(self._claim(job), for_stage=False)

    def _set_aside(self, job: Job) -> None:
        """Set aside what another process ordered: it is paid whatever the caps say."""
        if self.budget:
            self.budget.set_aside(self._claim(job), for_stage=False)

    def _claim(self, job: Job) -> Claim:
        return Claim(job.call_id(), job.week_id, "research", self.service.report_usd)

    async def _submitted(self, order: Order, key: str, *, perhaps_taken: bool) -> Submission:
        """Hand in until it is clear; a refusal after an unclear time leaves it unclear."""
        outcome = await self.service.submit(order, key)
        for _ in range(SUBMISSIONS - 1):
            if not self._may_repeat(outcome):
                break
            perhaps_taken = perhaps_taken or isinstance(outcome, Unclear)
            await self.clock.sleep(self.service.patience.poll_every)
            outcome = await self.service.submit(order, key)
        if perhaps_taken and isinstance(outcome, NotAccepted):
            return Unclear(outcome.reason)  # a new attempt could be a second job
        return outcome

    def _may_repeat(self, outcome: Submission) -> bool:
        """Tell whether handing in again can help and surely starts no second job."""
        if isinstance(outcome, Unclear):
            return self.service.knows_keys
        return isinstance(outcome, NotAccepted) and outcome.transient

    async def _wait(self, job: Job, task: ResearchTask) -> Report | Abstained:
        if job.submitted is None:
            raise ValueError(f"the job {job.key()} was never taken")
        look = await awaited(
            job.submitted.job_id,
            self.service,
            self.clock,
            taken_at=job.submitted.submitted_at,
            tell=task.tell,
        )
        if isinstance(look, Report):
            await self.jobs.reported(job, look, reserved_usd=self.service.report_usd)
            return look
        if isinstance(look, KeyRefused):
            return await self._leave(job, look.reason)
        if isinstance(look, Failed):
            await self._abandoned(job, "failed", look.reason)
            return self._none(look.reason)
        minutes = self.service.patience.give_up_after.total_seconds() / 60
        reason = f"no report within {minutes:g} min"
        await self._abandoned(job, "timed_out", reason)
        return self._none(reason, "timed_out")

    async def _leave(self, job: Job, reason: str) -> Abstained:
        """Leave a job that may go on; another provider may write the pack and end the waiting."""
        await self.jobs.left_open(job, reason, reserved_usd=self.service.report_usd)
        if self.budget:
            self.budget.release(job.call_id())
        return self._none(reason)

    async def _lose(self, job: Job, reason: str) -> Abstained:
        told = f"it may have taken a job whose id is lost, and is not asked twice ({reason})"
        await self._abandoned(job, "lost", told)
        return self._none(told)

    async def _abandoned(self, job: Job, outcome: Ending, reason: str) -> None:
        """Record the end; what may have been paid counts from then on by its record."""
        await self.jobs.abandoned(job, outcome, reason, reserved_usd=self.service.report_usd)
        if self.budget and outcome in {"not_accepted", "timed_out"}:  # not recorded by this id
            self.budget.release(job.call_id())

    def _none(self, reason: str, outcome: Silence = "unreachable") -> Abstained:
        return Abstained(self.name, reason.rstrip("."), outcome)


def order_for(task: ResearchTask) -> Order:
    """Ask a service what the prompt-based researcher is asked, and to search for it."""
    question = research_question(task)
    parts = (question.shared, render("research_live"), question.own)
    return Order(
        rules=question.system,
        task="\n\n".join(part.strip() for part in parts),
        schema=wire_schema(question.answer_type),
        schema_text=render("schema", schema=schema_text(question.answer_type)),
    )
