"""The facts about one question to the general council, each question in a stream of its own.

Stream: `ask-{ask_id}`. The calls to models are where all others are, in `llm-{week_id}` of the week
in which the question was asked; `prompt_hash` tells which of them belong to a fact.
"""

from typing import ClassVar, Literal

from council.fact import Fact
from council.model.asking import FinalAnswer, MemberAnswer, RankedAnswer


class AskFact(Fact):
    """Something that happened to one question."""

    STREAM: ClassVar[str] = "ask-{ask_id}"
    MEANING: ClassVar[tuple[str, ...]] = ("ask_id",)

    ask_id: str


class MemberFact(AskFact):
    """What one member did about a question."""

    MEANING: ClassVar[tuple[str, ...]] = ("ask_id", "account")

    account: str
    model: str
    prompt_hash: str


class SilentMember(MemberFact):
    """A member gave no valid answer: a failure, never an opinion; `outcome` says of which kind."""

    reason: str
    outcome: str


class QuestionAsked(AskFact):
    """A person asked; `market_week` names the week whose market table the council is shown."""

    question: str
    asked_on: str
    """The date in New York, YYYY-MM-DD."""
    market_week: str | None
    config_hash: str
    mode: Literal["rehearsal", "live"]
    degraded: tuple[str, ...]


class QuestionAnswered(MemberFact):
    """A member answered; `label` is what the others know the answer by."""

    label: str
    answer: MemberAnswer
    outcome: Literal["valid", "repaired"]


class AnswerAbstained(SilentMember):
    """A member gave no valid answer."""


class AnswersRanked(MemberFact):
    """A member ranked the others' answers, the best first."""

    ranking: tuple[RankedAnswer, ...]
    outcome: Literal["valid", "repaired"]


class RankingAbstained(SilentMember):
    """A member gave no valid ranking."""


class QuestionSettled(MemberFact):
    """The chairman wrote the council's answer."""

    final: FinalAnswer
    outcome: Literal["valid", "repaired"]


class QuestionUnsettled(AskFact):
    """The council has no answer of its own, and why."""

    account: str
    reason: str
    prompt_hash: str | None = None
    """Of what the chairman was asked; None where nothing was."""


ASK_FACTS: tuple[type[Fact], ...] = (
    QuestionAsked,
    QuestionAnswered,
    AnswerAbstained,
    AnswersRanked,
    RankingAbstained,
    QuestionSettled,
    QuestionUnsettled,
)
