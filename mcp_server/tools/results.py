"""What the tools answer: each result stands alone, as structure and as text.

Hosts give a model either the structure or the text, so both say the same: what happened, by which
models and at which venue, how it falls short, and what to do next.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from mcp_types import CallToolResult, TextContent
from pydantic import ConfigDict

from mcp_server.shapes import Shape
from mcp_server.tools.schemas import as_any_object, result_in_few_words

RunState = Literal["running", "finished", "cancelled", "unfinished"]


class Line(Shape):
    """A part of a result, listed to hosts as an object, whatever its fields."""

    model_config = ConfigDict(json_schema_extra=as_any_object)

    WITHIN_OTHERS: ClassVar[frozenset[str]] = frozenset()
    """Fields that the text leaves out, because another field says the same in words."""


class Answer(Line):
    """The part that every result has."""

    model_config = ConfigDict(json_schema_extra=result_in_few_words)

    summary: str
    mode: str
    venue: str
    degraded: tuple[str, ...]
    next_step: str


class RunAnswer(Answer):
    """How far the run of a week has come."""

    run_id: str
    week_id: str
    state: RunState
    stage: str
    completed: tuple[str, ...]


class PackLine(Line):
    """A research pack in one line."""

    pack: str
    source: str
    risk_mode: str
    untrusted_text: str


class ResearchAnswer(RunAnswer):
    """The packs that came."""

    packs: tuple[PackLine, ...]


class PitchLine(Line):
    """A pitch in one line."""

    account: str
    model: str
    instrument: str | None
    direction: str | None
    conviction: float | None
    status: str
    untrusted_text: str


class PitchesAnswer(RunAnswer):
    """The managers' pitches."""

    pitches: tuple[PitchLine, ...]


class ScoreLine(Line):
    """A pitch as its reviewers saw it; the mean is over reviewers and criteria, 1 to 10."""

    label: str
    mean_score: float
    reviews: int
    untrusted_text: str


class ReviewsAnswer(RunAnswer):
    """The blind reviews, by sealed label."""

    scores: tuple[ScoreLine, ...]
    measured: str


class TradeLine(Line):
    """A trade in one line; `quantity` is the signed position that it aims at."""

    WITHIN_OTHERS: ClassVar[frozenset[str]] = frozenset({"instrument", "direction", "quantity"})

    trade_id: str
    account: str
    trade: str
    instrument: str
    direction: str
    quantity: int
    conviction: float
    notional_usd: float
    status: str
    price_band: str
    expires_at: datetime
    filled: str


class SynthesisAnswer(RunAnswer):
    """The chairman's decision and the trades that wait for the user."""

    decision: str
    untrusted_text: str
    trades: tuple[TradeLine, ...]
    approval_url: str


class WeekAnswer(RunAnswer):
    """A run with what it has led to: the council's reasons or its answer, and the trades."""

    decision: str
    untrusted_text: str
    measured: str
    trades: tuple[TradeLine, ...]
    approval_url: str


class MemberLine(Line):
    """How one member began its answer; 1 point is first on every other member's ballot."""

    label: str
    account: str
    model: str
    confidence: str
    points: float | None
    untrusted_text: str


class CouncilAnswer(RunAnswer):
    """The general council's answer to a question, and its members', best first."""

    untrusted_text: str
    answers: tuple[MemberLine, ...]


class TradesAnswer(Answer):
    """The trades that wait for the user, a page of them; the user decides at `approval_url`."""

    trades: tuple[TradeLine, ...]
    next_cursor: str | None
    approval_url: str


class PendingTradesAnswer(TradesAnswer):
    """Those that wait, with what all accounts together would hold once every one is filled."""

    exposure: str | None


class VerdictLine(Line):
    """What became of one trade: where it stands now, and a sentence on how it came to that."""

    trade_id: str
    account: str
    trade: str
    status: str
    outcome: str


class DecidedAnswer(Answer):
    """What became of each trade that was asked about; `status` is "mixed" where they differ."""

    status: str
    trades: tuple[VerdictLine, ...]
    approval_url: str


class HaltedAnswer(Answer):
    """What was halted: a sentence for each account."""

    accounts: tuple[str, ...]


class CheckpointLine(Line):
    """One account's checkpoint."""

    account: str
    slot: str
    action: str
    conviction_before: float
    conviction_after: float
    profit_usd: float
    untrusted_text: str


class CheckpointsAnswer(RunAnswer):
    """What the checkpoint said of every open trade."""

    checkpoints: tuple[CheckpointLine, ...]
    trades: tuple[TradeLine, ...]
    approval_url: str


class AccountLine(Line):
    """An account at its venue."""

    account: str
    venue: str
    equity_usd: float | None
    position: str
    halted: str
    frozen: str


class StatusAnswer(Answer):
    """Everything at a glance."""

    week_id: str
    week_state: str
    completed: tuple[str, ...]
    last_entry_at: datetime
    pending: int
    approved: int
    market_opens_at: datetime | None
    approval_mode: str
    halted: bool
    accounts: tuple[AccountLine, ...]


def told(answer: Answer, meta: dict[str, Any] | None = None) -> CallToolResult:
    """Return `answer` as structure and as text; `meta` reaches the host's apps, not its model."""
    return CallToolResult(
        content=[TextContent(type="text", text=as_text(answer))],
        structured_content=answer.model_dump(mode="json"),
        _meta=meta,
    )


_SAID_APART = frozenset(Answer.model_fields)
_UNTRUSTED = "untrusted_text"
_FENCE = re.compile(rf"<(?=\s*/?\s*{_UNTRUSTED})", re.IGNORECASE)
"""What a reader may take for one of the two lines, however it is spelt."""
_ADDRESS = "approval_url"


def as_text(answer: Answer) -> str:
    """Return everything in `answer` as Markdown, the shortfalls before the result."""
    lines = [f"Mode: {answer.mode} models. Venue: {answer.venue} (paper only)."]
    lines += [f"- {sentence}" for sentence in answer.degraded]
    lines += ["", answer.summary]
    for name in type(answer).model_fields:
        if name not in _SAID_APART:
            lines += _field_lines(name, getattr(answer, name))
    return "\n".join((*lines, "", f"Next step: {answer.next_step}"))


def _field_lines(name: str, value: Any) -> list[str]:
    if name == _UNTRUSTED:
        return _fenced_lines(value)
    if name == _ADDRESS:
        return [f"{name}: {value} (the user can decide there while `council serve` runs)"]
    if isinstance(value, Shape):
        return ["", f"{name}:", *(f"- {part}: {said}" for part, said in value)]
    if not isinstance(value, tuple):
        return [f"{name}: {'none' if value is None else value}"]
    rows = [item for item in value if isinstance(item, Shape)]
    return _markdown_table(rows) if rows else [f"{name}: {'; '.join(map(str, value)) or 'none'}"]


def _fenced_lines(text: str) -> list[str]:
    """Return text that others wrote between two lines that it cannot imitate; none without it."""
    if not text:
        return []
    inside = _FENCE.sub("&lt;", text)
    return [f"<{_UNTRUSTED}>", *inside.splitlines(), f"</{_UNTRUSTED}>"]


def _markdown_table(rows: Sequence[Shape]) -> list[str]:
    hidden: frozenset[str] = getattr(type(rows[0]), "WITHIN_OTHERS", frozenset())
    names = [name for name in type(rows[0]).model_fields if name not in hidden]
    lines = ["", f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for row in rows:
        cells = (_cell(getattr(row, name)) for name in names)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


_PLAIN_FROM = 1e-4
"""Below it Python writes a power of ten, which people misread."""


def _cell(value: object) -> str:
    """Return a value that cannot break out of its cell."""
    if isinstance(value, tuple):
        return _cell(", ".join(map(str, value)))
    if isinstance(value, float) and 0 < abs(value) < _PLAIN_FROM:
        return f"{value:.6f}"
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
