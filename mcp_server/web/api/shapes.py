"""What the API takes, and the lists that it answers with; the rest is what the command line prints.

Each list carries in `next` the cursor of its following page, null after the last one.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, RootModel

from mcp_server.shapes import EventShape, Shape, TradesShape
from mcp_server.web.persons import LONGEST_REASON

MOST_ITEMS: Final = 100
"""On one page."""

Status = Literal[
    "pending",
    "approved",
    "rejected",
    "expired",
    "executed",
    "open",
    "closed",
    "failed",
    "updated",
]
_WEEK: Final = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_NAME: Final = r"^[A-Za-z0-9_.:-]{1,100}$"


def _plain_number(value: object) -> object:
    """Take digits alone: what else Python would read as a number is none here."""
    if not isinstance(value, str) or (value.isascii() and value.isdecimal()):
        return value
    return "not a number"


Limit = Annotated[
    int,
    Field(ge=1, le=MOST_ITEMS, description="How many on one page."),
    BeforeValidator(_plain_number),
]
Week = Annotated[str, Field(pattern=_WEEK, description="A week, by its Wednesday: YYYY-MM-DD.")]
Name = Annotated[str, Field(pattern=_NAME)]
Cursor = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{1,300}$", description="`next` of the page before.")
]
Position = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
TradeId = Annotated[
    str,
    Field(pattern=r"^[0-9a-f-]{6,36}$", description="A trade's id, or its first 6 or more."),
]


class NoQuery(Shape):
    """Nothing may be asked for."""


class PageQuery(Shape):
    """Which part of a list is wanted."""

    limit: Limit = 50
    cursor: Cursor | None = None


class TradesQuery(PageQuery):
    """Which trades are wanted; what is left out leaves none out."""

    status: Status | None = None
    week: Week | None = None
    account: Annotated[Name | None, Field(description="An account of accounts.yaml.")] = None


class WeeksQuery(Shape):
    """Which part of the list of weeks is wanted."""

    limit: Limit = 50
    cursor: Annotated[Week | None, Field(description="`next` of the page before.")] = None


class EventsQuery(Shape):
    """Which events are wanted; what is left out leaves none out."""

    limit: Limit = 50
    cursor: Annotated[
        Position | None,
        Field(description="The events beyond this position. `next` of the page before is one."),
    ] = None
    stream: Annotated[Name | None, Field(description="How the stream's name begins.")] = None
    type: Annotated[Name | None, Field(description="A kind, such as TradeApproved.")] = None
    week: Week | None = None
    account: Annotated[Name | None, Field(description="An account of accounts.yaml.")] = None
    order: Annotated[Literal["oldest", "newest"], Field(description="Which events come first.")] = (
        "oldest"
    )


class WeekQuery(Shape):
    """Of which week; of all where none is given."""

    week: Week | None = None


class ApproveBody(Shape):
    """Which ticket the person approved, by its digest, and in which round it was shown.

    With a token `confirmation` is needed: the ticket's phrase, as the person typed it. In a session
    of the page it or the round is.
    """

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    confirmation: Annotated[str, Field(max_length=200)] | None = None
    round: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None


class RejectBody(Shape):
    """Why the person rejected the trade; with a digest only if the ticket is still that one."""

    reason: Annotated[str, Field(max_length=LONGEST_REASON, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    round: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None


class VerdictShape(Shape):
    """The verdict that stands on a trade; `is_new` tells whether this request recorded it.

    `digest` and `trust` are null for a rejection.
    """

    trade_id: str
    status: str
    message: str
    digest: str | None
    approver: str
    channel: str
    trust: str | None
    is_new: bool


class AnyObject(RootModel[dict[str, Any]]):
    """A JSON object that is described elsewhere."""


class TradesPageShape(TradesShape):
    """Trades, the newest week first; `degraded` says first what stands still."""

    next: str | None


class ChoiceShape(Shape):
    """What the chairman chose."""

    instrument: str
    direction: str
    conviction: float


class WeekLineShape(Shape):
    """A week in short; `decision` is null where the chairman chose nothing, or not yet."""

    week_id: str
    mode: str | None
    state: Literal["unfinished", "finished"]
    last_stage: str | None
    started_at: datetime | None
    decision: ChoiceShape | None
    no_decision: str | None
    """Why nothing was chosen."""
    trades: dict[str, int]
    """How many have which status."""


class WeeksPageShape(Shape):
    """Weeks, the newest first."""

    weeks: tuple[WeekLineShape, ...]
    next: str | None


class EventsPageShape(Shape):
    """Events of the log; `next` is null where there is nothing beyond, for now.

    Whoever follows the log asks again with the last position as the cursor.
    """

    events: tuple[EventShape, ...]
    next: str | None
