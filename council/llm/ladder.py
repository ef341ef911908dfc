"""From a question to a valid answer or an abstention: modes from strict down, second chances once.

Every step is decided from the recorded call alone, so that a replay takes the same way as the first
run. An answer's text is never mended here; only its author may send another.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from config.model_schema import ModelConfig
from council.events import ModelCalled
from council.llm.budget import OverBudget
from council.llm.calls import Calls
from council.llm.turns import Mode, Turn, request_for
from council.llm.validation import read_answer
from council.model.base import Value
from council.ports import Abstained, Answered, Question

MOST_TURNS = 8
"""Two steps down, two dropped options, one longer, one after empty, one repair, and the first."""

_AnswerType = TypeVar("_AnswerType", bound=Value)
_SHAPE_STATUSES = re.compile(r"HTTP (400|404|422)\b")
_SHAPE_WORDS = re.compile(r"schema|json|\$ref|parameter", re.I)
_UNKNOWN_MODEL = re.compile(
    r"(unknown|invalid|unsupported|no such) model"
    r"|model\b.{0,80}(not (found|supported|available|exist)|not a valid|retired|deprecated)",
    re.I,
)
_OPTION_WORDS = {
    "max_tokens": re.compile(r"\bmax_tokens\b"),
    "reasoning_effort": re.compile(r"reasoning[_. ]?effort", re.I),
}


@dataclass(frozen=True, slots=True)
class NotServed:
    """The gateway does not have the model; `reason` is what it said."""

    reason: str


@dataclass(frozen=True, slots=True)
class Climb(Generic[_AnswerType]):
    """One question to one model; `remember` is told the mode in which the model answered."""

    question: Question[_AnswerType]
    model: str
    settings: ModelConfig
    remember: Callable[[Mode], None]

    async def run(self, calls: Calls, start: Mode) -> Answered[_AnswerType] | Abstained | NotServed:
        """Ask until there is a valid answer or no second chance is left."""
        turn = Turn(mode=start, max_tokens=self.settings.max_output_tokens)
        for _ in range(MOST_TURNS):
            request = request_for(self.question, turn, model=self.model, settings=self.settings)
            called = await calls.call(request)
            if called is None:
                return Abstained(self.model, "the stage's deadline passed", "timed_out")
            if isinstance(called, OverBudget):
                return Abstained(self.model, called.reason, "over_budget")
            judged = self._judge(turn, called)
            if not isinstance(judged, Turn):
                return judged
            turn = judged
        return Abstained(self.model, f"no valid answer in {MOST_TURNS} calls", "invalid")

    def _judge(
        self, turn: Turn, called: ModelCalled
    ) -> Turn | Answered[_AnswerType] | Abstained | NotServed:
        if called.outcome == "answered":
            return self._judge_answer(turn, called)
        next_turn = _asked_otherwise(turn, called.reason or "")
        if next_turn:
            return next_turn
        if called.outcome == "refused" and _says_not_served(called.reason or ""):
            return NotServed(called.reason or "unknown model")
        return self._abstain(called)

    def _judge_answer(
        self, turn: Turn, called: ModelCalled
    ) -> Turn | Answered[_AnswerType] | Abstained:
        text = called.answer or ""
        if called.finish_reason == "length":
            gone = Abstained(_name(called), "the answer was cut off twice", "truncated")
            return gone if turn.lengthened else turn.lengthening()
        if not text.strip():
            gone = Abstained(_name(called), "the answer was empty twice", "invalid")
            return gone if turn.asked_after_empty else replace(turn, asked_after_empty=True)
        reading = read_answer(text, self.question.answer_type, self.question.problems)
        if reading.answer is not None:
            self.remember(turn.mode)
            return Answered(reading.answer, _name(called), "repaired" if turn.repaired else "valid")
        if turn.repaired:
            return Abstained(_name(called), _still_invalid(reading.problems), "invalid")
        return turn.repairing(text, reading.problems)

    def _abstain(self, called: ModelCalled) -> Abstained:
        reason = (called.reason or "no answer").rstrip(".")
        if called.outcome == "refused":
            return Abstained(_name(called), reason, "refused")
        late = called.outcome == "timed_out"
        return Abstained(_name(called), reason, "timed_out" if late else "unreachable")


def _asked_otherwise(turn: Turn, reason: str) -> Turn | None:
    """Return how to ask after the gateway refused an option or the mode, or None if it did not."""
    if _SHAPE_STATUSES.match(reason):
        for option, words in _OPTION_WORDS.items():
            if words.search(reason) and option not in turn.without:
                return replace(turn, without=turn.without | {option})
    named = "response_format" in reason and reason.startswith("HTTP")
    if named or (_SHAPE_STATUSES.match(reason) and _SHAPE_WORDS.search(reason)):
        return turn.below()
    return None


def _says_not_served(reason: str) -> bool:
    gone = reason.startswith(("HTTP 404", "HTTP 410"))
    return gone or (reason.startswith("HTTP 400") and bool(_UNKNOWN_MODEL.search(reason)))


def _name(called: ModelCalled) -> str:
    return called.served_model or called.requested_model


def _still_invalid(problems: tuple[str, ...]) -> str:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"the answer was invalid after one repair: {problems[0]}{more}".rstrip(".")
