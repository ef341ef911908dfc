"""The JSON of the approval card: a trade's ticket beside the arguments for and against it."""

from datetime import datetime
from typing import Literal

from mcp_server.shapes import LegShape, Shape

Source = Literal["pitch", "decision", "checkpoint", "unknown"]
ConvictionWord = Literal["HIGH", "MEDIUM", "LOW", "FLAT"]
_HIGH, _MEDIUM = 1.5, 1.0


def conviction_word(conviction: float) -> ConvictionWord:
    """Return how strong a conviction is, whatever its sign; 0 is FLAT."""
    size = abs(conviction)
    if size >= _HIGH:
        return "HIGH"
    if size >= _MEDIUM:
        return "MEDIUM"
    return "LOW" if size else "FLAT"


class IndicatorShape(Shape):
    """A rule on a number of the market table, with the number when the week began."""

    rule: str
    current: float


class ObjectionShape(Shape):
    """One review: the mean of nine scores from 1 to 10, and the strongest argument against."""

    label: str
    """`Reviewer 1` is the harshest; who reviewed is not told."""
    mean_score: float
    objection: str


class VoteShape(Shape):
    """Where a pitch stood when the chairman chose; the mean is null where nobody reviewed it."""

    label: str
    trade: str
    mean_score: float | None
    agrees: bool
    """Whether it is what the chairman chose."""


class ArgumentShape(Shape):
    """Why the trade was proposed, in its author's words, and what others said against it."""

    source: Source = "unknown"
    pitch_label: str | None = None
    """Under which the reviewers read it."""
    reason: str = ""
    """Why a checkpoint asks for the trade, or the chairman's rationale."""
    thesis: tuple[str, ...] = ()
    indicators: tuple[IndicatorShape, ...] = ()
    invalidation: str = ""
    plan: str = ""
    reviews: tuple[ObjectionShape, ...] = ()
    votes: tuple[VoteShape, ...] = ()
    dissent: tuple[str, ...] = ()


class CardShape(Shape):
    """A trade as the card shows it; `quantity` is the signed position that it aims at.

    All of `argument` is text that models wrote.
    """

    trade_id: str
    week_id: str
    account: str
    model: str
    venue: str
    instrument: str
    direction: str
    quantity: int
    conviction: float
    conviction_word: ConvictionWord
    notional_usd: float
    equity_share: float
    reference_price: float
    lowest_price: float
    highest_price: float
    legs: tuple[LegShape, ...]
    digest: str
    expires_at: datetime
    status: str
    approver: str | None
    approval_channel: str | None
    approval_timestamp: datetime | None
    rejection_reason: str | None
    notices: tuple[str, ...]
    """What stands in the way, or what a person should know first; a sentence each."""
    argument: ArgumentShape
