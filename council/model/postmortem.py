"""A postmortem: what the numbers of a week were, what the chairman reads in them, and the lessons.

A claim and a lesson stand on stored events; what names none is dropped and counted.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from council.model.base import ShortText, Value

Handle = Annotated[str, Field(pattern=r"^[EL][1-9][0-9]{0,3}$")]
"""What stands for an event (E1) or an earlier lesson (L1) in the question and its answer."""


class ClaimAnswer(Value):
    """One sentence on the week, with the handles of the events that it rests on."""

    text: ShortText
    evidence: tuple[Handle, ...]


class ConfirmationAnswer(Value):
    """An earlier lesson that the week confirms, with the events that show it."""

    lesson: Handle
    evidence: tuple[Handle, ...]


class PostmortemAnswer(Value):
    """What the chairman's model returns."""

    claims: Annotated[tuple[ClaimAnswer, ...], Field(max_length=12)]
    lessons: Annotated[tuple[ClaimAnswer, ...], Field(max_length=3)]
    confirmed: Annotated[tuple[ConfirmationAnswer, ...], Field(max_length=12)]


class Claim(Value):
    """One sentence with the ids of the events that it rests on, one at least."""

    text: str
    evidence: Annotated[tuple[UUID, ...], Field(min_length=1)]


class Lesson(Claim):
    """What should be done otherwise next time."""

    lesson_id: UUID


class Confirmation(Value):
    """An earlier lesson that the week confirms, and the events that show it."""

    lesson_id: UUID
    evidence: Annotated[tuple[UUID, ...], Field(min_length=1)]


class OfferedLesson(Value):
    """A lesson as the managers of a later week are shown it, without the name of any account.

    `age_weeks` counts from the week that wrote it, 1 or more; `support` is the number of weeks that
    wrote or confirmed it.
    """

    lesson_id: UUID
    text: str
    age_weeks: Annotated[int, Field(ge=1)]
    support: Annotated[int, Field(ge=1)]


class AccountNumbers(Value):
    """How one account did in the week; None stands for what its marks cannot tell.

    Fractions, but for US dollars where the name says so and steps of conviction for
    `conviction_volatility`. `dividends_usd` and `borrow_usd` are estimates of what a paper venue
    leaves out, and are in no other number.
    """

    account: str
    profit_usd: Decimal | None
    time_weighted_return: float | None
    maximum_drawdown: float | None
    turnover: float | None
    conviction_volatility: float | None
    panic_exits: int
    panic_cost_usd: Decimal
    gross_exposure: float | None
    net_exposure: float | None
    dividends_usd: Decimal
    borrow_usd: Decimal


class BookNumbers(Value):
    """What a shadow book returned in the week after costs, as a fraction; None without prices."""

    book: str
    account: str | None
    net_return: float | None


class WeekNumbers(Value):
    """The numbers of one week, computed from marks until `until_at`, before any model saw them."""

    until_at: datetime
    accounts: tuple[AccountNumbers, ...]
    books: tuple[BookNumbers, ...]
    notices: tuple[str, ...]
    """What is missing in them, one sentence each."""


class Postmortem(Value):
    """The chairman's reading of `WeekNumbers`, as far as events support it."""

    week_id: str
    account: str
    model: str
    written_at: datetime
    claims: tuple[Claim, ...]
    lessons: tuple[Lesson, ...]
    confirmed: tuple[Confirmation, ...]
    dropped: Annotated[int, Field(ge=0)]
    """Claims, lessons and confirmations that named no event that was shown, cited a number that
    stands nowhere in what was shown, or said something twice."""
