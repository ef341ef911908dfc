"""One turn of the ladder: how the model is asked this time, and the request it makes."""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from config.model_schema import ModelConfig
from council.events import AnswerMode
from council.llm.gateway import ChatRequest
from council.llm.wire_schema import schema_text, wire_schema
from council.ports import Question
from council.templates import prompt_hash, render

REPAIRED_CHARACTERS = 6_000
"""So much of a rejected answer is shown to its author again."""

_Message = dict[str, str]


class Mode(IntEnum):
    """How the shape of the answer is enforced, from the strictest down."""

    STRICT = 0
    JSON_OBJECT = 1
    PROMPT_ONLY = 2

    @property
    def word(self) -> AnswerMode:
        """Return the mode as facts name it."""
        return _WORDS[self]


_WORDS: dict[Mode, AnswerMode] = {
    Mode.STRICT: "strict",
    Mode.JSON_OBJECT: "json_object",
    Mode.PROMPT_ONLY: "prompt_only",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """How to ask. The flags say which second chances were used up; each is given once."""

    mode: Mode
    max_tokens: int
    follow_up: tuple[_Message, ...] = ()
    without: frozenset[str] = frozenset()
    """Options that the gateway refused for this model."""
    repaired: bool = False
    lengthened: bool = False
    asked_after_empty: bool = False

    def below(self) -> "Turn | None":
        """Return the same turn in the next mode down, or None at the bottom."""
        return None if self.mode is Mode.PROMPT_ONLY else replace(self, mode=Mode(self.mode + 1))

    def repairing(self, answer: str, problems: tuple[str, ...]) -> "Turn":
        """Return the turn that shows the model its answer and what is wrong with it."""
        rejected = {"role": "assistant", "content": answer[:REPAIRED_CHARACTERS]}
        told = {"role": "user", "content": render("repair", problems=problems)}
        return replace(self, follow_up=(rejected, told), repaired=True)

    def lengthening(self) -> "Turn":
        """Return the turn with twice the room that asks for a shorter answer."""
        told = {"role": "user", "content": render("shorter")}
        return replace(
            self,
            max_tokens=2 * self.max_tokens,
            follow_up=(*self.follow_up, told),
            lengthened=True,
        )


def request_for(
    question: Question[Any], turn: Turn, *, model: str, settings: ModelConfig
) -> ChatRequest:
    """Return the request of `turn`: constant text first, so that provider caches can work."""
    told = [("system", question.system), ("user", question.shared), ("user", question.own)]
    if turn.mode is not Mode.STRICT:
        told.append(("user", render("schema", schema=schema_text(question.answer_type))))
    messages = tuple({"role": role, "content": text} for role, text in told if text)
    return ChatRequest(
        model=model,
        messages=(*messages, *turn.follow_up),
        options=_options(question, turn, settings),
    )


def hash_of(question: Question[Any]) -> str:
    """Return the hash under which the calls for `question` are recorded."""
    schema = schema_text(question.answer_type)
    return prompt_hash(question.system, question.shared, question.own, schema)


def _options(question: Question[Any], turn: Turn, settings: ModelConfig) -> dict[str, Any]:
    options: dict[str, Any] = {}
    limit = "max_completion_tokens" if "max_tokens" in turn.without else "max_tokens"
    options[limit] = turn.max_tokens
    if settings.reasoning_effort and "reasoning_effort" not in turn.without:
        options["reasoning_effort"] = settings.reasoning_effort
    if turn.mode is Mode.STRICT:
        schema = wire_schema(question.answer_type)
        described = {"name": question.stage, "strict": True, "schema": schema}
        options["response_format"] = {"type": "json_schema", "json_schema": described}
    elif turn.mode is Mode.JSON_OBJECT:
        options["response_format"] = {"type": "json_object"}
    return options
