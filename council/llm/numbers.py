"""Numbers as gateways write them: a count, or an amount in dollars. What is neither is unknown."""

from decimal import Decimal, InvalidOperation
from typing import Any

_LONGEST_AMOUNT = 60
"""Characters; no price needs more."""


def whole_of(value: Any) -> int | None:
    """Return a count of tokens, or None for what is none."""
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if whole else None


def amount_of(value: Any) -> Decimal | None:
    """Return a number, or a text that is one, as an amount of at least 0; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value)
    try:
        amount = Decimal(text) if len(text) <= _LONGEST_AMOUNT else Decimal("NaN")
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None
