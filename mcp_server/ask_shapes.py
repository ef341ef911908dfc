"""The JSON about a question to the general council: what was answered, by whom, and its vote."""

from typing import Literal

from mcp_server.shapes import Shape


class MemberAnswerShape(Shape):
    """One member's answer; `borda` is 1 where everybody ranked it first, null where nobody did."""

    label: str
    account: str
    model: str
    text: str
    confidence: str
    doubts: tuple[str, ...]
    borda: float | None
    mean_rank: float | None
    rankings: int


class RankingShape(Shape):
    """One member's ranking of the others' answers: their labels, the best first."""

    account: str
    model: str
    labels: tuple[str, ...]


class FinalAnswerShape(Shape):
    """What the chairman wrote; `dissent` has one line for each view that it did not follow."""

    text: str
    confidence: str
    dissent: tuple[str, ...]
    account: str
    model: str


class AskShape(Shape):
    """A question as far as it has come; its answers stand in the order of the vote."""

    ask_id: str
    question: str
    asked_on: str
    week_id: str
    market_week: str | None
    """The week whose market table the council was shown."""
    mode: str
    venue: str
    degraded: tuple[str, ...]
    state: Literal["finished", "unfinished"]
    answer: FinalAnswerShape | None
    answers: tuple[MemberAnswerShape, ...]
    rankings: tuple[RankingShape, ...]
    cost_usd: float | None
    """Null where the cost of a call is unknown, never 0 for that."""
