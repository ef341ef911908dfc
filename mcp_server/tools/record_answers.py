"""What the tools that only look things up answer: a trade's record and a week's."""

from datetime import datetime

from mcp_server.tools.results import Answer, Line, PackLine


class TicketLine(Line):
    """What a person approves or approved; `quantity` is the signed position that it aims at."""

    account: str
    model: str
    trade: str
    instrument: str
    direction: str
    quantity: int
    conviction: float
    notional_usd: float
    equity_share: float
    price_band: str
    reference_price: float
    expires_at: datetime
    digest: str


class OrderLine(Line):
    """One order of a trade; what was not sent yet is planned."""

    leg: str
    order: str
    status: str
    filled: int
    average_price: float | None
    client_order_id: str | None


class StepLine(Line):
    """One thing that happened to a trade."""

    at: datetime
    step: str


class TradeRecordAnswer(Answer):
    """Everything about one trade."""

    trade_id: str
    week_id: str
    status: str
    decided: str
    ticket: TicketLine
    orders: tuple[OrderLine, ...]
    history: tuple[StepLine, ...]
    notices: tuple[str, ...]
    untrusted_text: str
    approval_url: str


class PitchRecordLine(Line):
    """A pitch in one line; what it says is empty where its author abstained."""

    account: str
    model: str
    trade: str
    conviction: float | None
    status: str
    untrusted_text: str


class ReviewRecordLine(Line):
    """A pitch as it was reviewed blind, best mean first; `author` and `scores` once it is over."""

    label: str
    author: str
    mean_score: float
    reviews: int
    scores: str
    untrusted_text: str


class WeekTradeLine(Line):
    """A trade of the week in one line."""

    trade_id: str
    account: str
    trade: str
    conviction: float
    status: str
    filled: str


class WeekRecordAnswer(Answer):
    """Everything about one week, in short."""

    week_id: str
    state: str
    completed: tuple[str, ...]
    decision: str
    cost: str
    measured: str
    packs: tuple[PackLine, ...]
    pitches: tuple[PitchRecordLine, ...]
    reviews: tuple[ReviewRecordLine, ...]
    trades: tuple[WeekTradeLine, ...]
    untrusted_text: str
    approval_url: str
