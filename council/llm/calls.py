"""The calls for one question: numbered, replayed from the journal, retried until a deadline.

A recorded answer or refusal is taken as it stands. A recorded failure of the network is passed
over: whoever asks again after a crash wants another try, under the next number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from config import telemetry
from config.clock import Clock
from config.model_schema import CallLimits
from council.events import AnswerMode, CostSource, ModelCalled
from council.llm.answer_cache import AnswerCache
from council.llm.budget import Budget, Claim, OverBudget
from council.llm.gateway import ChatRequest, Gateway
from council.llm.journal import Journal, answer_sha256, call_id_of, stored_answer
from council.llm.prices import PriceList
from council.llm.replies import Reply
from council.ports import Question

BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
_MODES: dict[str | None, AnswerMode] = {"json_schema": "strict", "json_object": "json_object"}
_KEPT_OUTCOMES = frozenset({"answered", "refused"})


@dataclass(frozen=True, slots=True)
class Line:
    """What every call needs, shared by all questions; `random` returns floats in [0, 1).

    Without a `budget` nothing is set aside and nothing is refused. Where there are `answers`, the
    gateway is asked only for those that they lack.
    """

    gateway: Gateway
    journal: Journal
    clock: Clock
    limits: CallLimits
    random: Callable[[], float]
    prices: PriceList = field(default_factory=PriceList)
    budget: Budget | None = None
    answers: AnswerCache | None = None


class Calls:
    """The sequence of calls for `question`; not to be shared between tasks."""

    def __init__(
        self,
        question: Question[Any],
        prompt_hash: str,
        recorded: Mapping[UUID, ModelCalled],
        *,
        line: Line,
    ) -> None:
        self._question = question
        self._prompt_hash = prompt_hash
        self._recorded = recorded
        self._line = line
        self._number = 0
        stage_time = timedelta(seconds=line.limits.stage_timeout_seconds)
        self._deadline_at = line.clock.now() + stage_time

    @property
    def first_modes(self) -> dict[str, AnswerMode | None]:
        """Return the models that were asked before, by whatever process, in their order.

        To each belongs the mode in which it was asked first: a replay goes the same way.
        """
        found: dict[str, AnswerMode | None] = {}
        number = 1
        while recorded := self._recorded.get(self._id_of(number)):
            found.setdefault(recorded.requested_model, recorded.mode)
            number += 1
        return found

    async def call(self, request: ChatRequest) -> ModelCalled | OverBudget | None:
        """Return what came of `request`, from the journal or the wire; None past the deadline.

        Where the budget has no room, nothing is sent.
        """
        replayed = self._replay()
        if replayed:
            return replayed
        called = None
        for tries in range(1, self._line.limits.attempts + 1):
            seconds_left = (self._deadline_at - self._line.clock.now()).total_seconds()
            if seconds_left <= 0:
                return called
            attempted = await self._within_budget(request, seconds_left)
            if isinstance(attempted, OverBudget):
                return attempted
            reply, called = attempted
            wait = self._wait_before_next(reply, tries)
            if wait is None:
                return called
            await self._line.clock.sleep(wait)
        return called

    def _replay(self) -> ModelCalled | None:
        while recorded := self._recorded.get(self._id_of(self._number + 1)):
            self._number += 1
            if recorded.outcome in _KEPT_OUTCOMES:
                return recorded
        return None

    async def _within_budget(
        self, request: ChatRequest, seconds_left: float
    ) -> tuple[Reply, ModelCalled] | OverBudget:
        """Attempt once with what it can cost set aside.

        An attempt that ends in an exception was perhaps paid: what was set aside stays so. What was
        kept of an earlier answer costs nothing.
        """
        if kept := await self._kept(request):
            return kept
        budget, question = self._line.budget, self._question
        if budget is None:
            return await self._attempt(request, seconds_left)
        call_id, usd = self._id_of(self._number + 1), self._line.prices.at_most(request)
        claim = Claim(call_id, question.week_id, question.stage, usd)
        if refusal := await budget.reserve(claim):
            return refusal
        return await self._attempt(request, seconds_left, reserved_usd=usd)

    async def _kept(self, request: ChatRequest) -> tuple[Reply, ModelCalled] | None:
        """Return what the same request was answered before, recorded with what it then cost."""
        answers = self._line.answers
        reply = await answers.find(request) if answers else None
        if reply is None:
            return None
        self._number += 1
        paid = self._line.prices.at_most(request) if reply.cost_usd is None else reply.cost_usd
        called = self._fact(reply, request, latency_seconds=0.0, reserved_usd=paid)
        await self._line.journal.record(called)
        return reply, called

    async def _attempt(
        self, request: ChatRequest, seconds_left: float, *, reserved_usd: Decimal | None = None
    ) -> tuple[Reply, ModelCalled]:
        timeout = min(self._line.limits.call_timeout_seconds, seconds_left)
        started_at = self._line.clock.now()
        with telemetry.step(f"chat {request.model}", self._asked(request), "client") as step:
            reply = await self._line.gateway.send(request, timeout_seconds=timeout)
            step.says(_answered(reply))
            if reply.outcome != "answered":
                step.failed(reply.outcome)
        latency = max(0.0, (self._line.clock.now() - started_at).total_seconds())
        self._number += 1
        called = self._fact(
            reply, request, latency_seconds=round(latency, 3), reserved_usd=reserved_usd
        )
        await self._line.journal.record(called)
        if self._line.answers:
            await self._line.answers.keep(request, replace(reply, cost_usd=called.cost_usd))
        return reply, called

    def _asked(self, request: ChatRequest) -> dict[str, telemetry.Said | None]:
        """Return what a trace may say of a call before it is made."""
        return {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self._line.gateway.name,
            "gen_ai.request.model": request.model,
            "stage": self._question.stage,
            "account": self._question.asked_by,
            "attempt": self._number + 1,
        }

    def _wait_before_next(self, reply: Reply, tries: int) -> timedelta | None:
        """Return how long to wait before another try, or None where there is to be none."""
        if not reply.transient or tries >= self._line.limits.attempts:
            return None
        ceiling = min(LONGEST_BACKOFF_SECONDS, BACKOFF_SECONDS * 2 ** (tries - 1))
        wait = timedelta(seconds=reply.retry_after_seconds or ceiling * self._line.random())
        return wait if self._line.clock.now() + wait < self._deadline_at else None

    def _id_of(self, number: int) -> UUID:
        return call_id_of(self._question, self._prompt_hash, number)

    def _fact(
        self,
        reply: Reply,
        request: ChatRequest,
        *,
        latency_seconds: float,
        reserved_usd: Decimal | None,
    ) -> ModelCalled:
        cost, source = self._cost(reply, request)
        return ModelCalled(
            week_id=self._question.week_id,
            call_id=self._id_of(self._number),
            stage=self._question.stage,
            asked_by=self._question.asked_by,
            requested_model=request.model,
            served_model=stored_answer(reply.served_model)[:200] if reply.served_model else None,
            attempt=self._number,
            outcome=reply.outcome,
            reason=reply.reason,
            finish_reason=stored_answer(reply.finish_reason)[:40] if reply.finish_reason else None,
            prompt_hash=self._prompt_hash,
            answer=None if reply.text is None else stored_answer(reply.text),
            answer_sha256=None if reply.text is None else answer_sha256(reply.text),
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost_usd=cost,
            cost_source=source,
            latency_seconds=latency_seconds,
            mode=_mode_of(request),
            reserved_usd=reserved_usd,
        )

    def _cost(self, reply: Reply, request: ChatRequest) -> tuple[Decimal | None, CostSource]:
        """Return what the gateway says that it cost, else an estimate, else that it is unknown."""
        if reply.kept:
            return Decimal(0), "cache"
        if reply.cost_usd is not None:
            return reply.cost_usd, "provider"
        estimate = self._line.prices.estimate(request, reply)
        return estimate, "none" if estimate is None else "estimate"


def _answered(reply: Reply) -> dict[str, telemetry.Said | None]:
    """Return what a trace may say of a reply: never its text, nor why it failed."""
    return {
        "gen_ai.response.model": reply.served_model,
        "gen_ai.response.finish_reasons": (reply.finish_reason,) if reply.finish_reason else None,
        "gen_ai.usage.input_tokens": reply.prompt_tokens,
        "gen_ai.usage.output_tokens": reply.completion_tokens,
    }


def _mode_of(request: ChatRequest) -> AnswerMode:
    form = request.options.get("response_format", {}).get("type")
    return _MODES.get(form, "prompt_only")
