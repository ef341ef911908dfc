"""The facts about what came of it: prices and equity at set times, and the week's postmortem.

Streams: `marks-{week_id}` prices, `equity-{account}` what an account was worth. A slot is a
checkpoint's time (HH:MM, New York), "open" (as soon as an executor looks in a session) or "close".
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from broker.models import VenueName
from council.fact import Fact
from council.model.base import Value
from council.model.postmortem import Postmortem, WeekNumbers

Slot = Annotated[str, Field(pattern=r"^(\d\d:\d\d|open|close)$")]


class HeldPosition(Value):
    """Signed shares that an account held, with their price and value (signed) in US dollars."""

    symbol: str
    quantity: int
    price: Decimal
    market_value_usd: Decimal


class PricesMarked(Fact):
    """What a share of each instrument cost: the middle of the quote, at "close" the close."""

    session_on: date
    slot: Slot
    marked_at: datetime
    source: str
    prices: dict[str, Decimal]

    STREAM: ClassVar[str] = "marks-{week_id}"
    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "session_on", "slot")


class EquityMarked(Fact):
    """What an account was worth by its venue, cash and positions; signed, in US dollars.

    At another venue, or under another `account_number` there, its equity is other money.
    `dividends_usd` (received above zero, owed on shorts below) and `borrow_usd` (zero or above) are
    estimates of what a paper venue leaves out, since the account's mark before, and in no equity.
    """

    account: str
    venue: VenueName
    account_number: str
    session_on: date
    slot: Slot
    marked_at: datetime
    equity_usd: Decimal
    cash_usd: Decimal
    positions: tuple[HeldPosition, ...]
    dividends_usd: Decimal = Decimal(0)
    borrow_usd: Decimal = Decimal(0)

    STREAM: ClassVar[str] = "equity-{account}"
    MEANING: ClassVar[tuple[str, ...]] = ("account", "session_on", "slot")


class PostmortemWritten(Fact):
    """The week's numbers were computed and the chairman wrote what it reads in them."""

    account: str
    numbers: WeekNumbers
    postmortem: Postmortem


class PostmortemAbstained(Fact):
    """The week's numbers were computed and no valid text came: a failure, never an opinion."""

    account: str
    model: str
    reason: str
    numbers: WeekNumbers


RESULT_FACTS: tuple[type[Fact], ...] = (
    PricesMarked,
    EquityMarked,
    PostmortemWritten,
    PostmortemAbstained,
)
