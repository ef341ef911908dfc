"""The words that every model shares: frozen values, conviction, direction, horizon."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _without_negative_zero(value: Decimal) -> Decimal:
    return value + 0


class Value(BaseModel):
    """The base of everything that is stored or comes from outside: frozen, closed, no NaN."""

    # Built at first use: a command uses few of them and would wait for all.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Direction(StrEnum):
    """Which way an account leans."""

    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"

    @property
    def sign(self) -> int:
        """Return +1, -1 or 0."""
        return {"LONG": 1, "SHORT": -1, "FLAT": 0}[self.value]


class Horizon(StrEnum):
    """For how long a pitch expects its move."""

    ONE_DAY = "1d"
    THREE_DAYS = "3d"
    ONE_WEEK = "1w"


Conviction = Annotated[
    Decimal,
    Field(ge=-2, le=2, multiple_of=Decimal("0.5")),
    AfterValidator(_without_negative_zero),
]
"""Signed strength of belief: -2 the strongest short, 0 flat, +2 the strongest long."""

ShortText = Annotated[str, Field(min_length=1, max_length=280)]
LongText = Annotated[str, Field(min_length=1, max_length=1_200)]


def conviction_disagreement(direction: Direction, conviction: Decimal) -> str | None:
    """Return why `conviction` contradicts `direction`, or None where they agree."""
    sign = (conviction > 0) - (conviction < 0)
    if sign == direction.sign:
        return None
    return f"conviction {conviction} contradicts direction {direction}: signs must agree, 0 is FLAT"
