"""What an account did so far, folded from its orders, as the limits ask for it: pure."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from config.clock import NEW_YORK
from council.trading.account_legs import LegState

_DAY: Final = timedelta(days=1)


def instruments_entered(legs: Iterable[LegState], week_id: str) -> frozenset[str]:
    """Return the symbols in which a position was opened or enlarged in the week.

    An order that is still under way counts; one that ended without a fill does not.
    """
    return frozenset(
        leg.intended.symbol
        for leg in legs
        if leg.intended.week_id == week_id and leg.intended.leg == "open" and _may_have_filled(leg)
    )


def shares_traded(legs: Iterable[LegState], on: date) -> int:
    """Return the shares bought and sold on a New York day, added up.

    Every order is for its day alone, so its fills are of the day on which it was sent.
    """
    begins_at, ends_at = (
        datetime.combine(day, time(), NEW_YORK).astimezone(UTC) for day in (on, on + _DAY)
    )
    return sum(
        leg.filled
        for leg in legs
        if leg.attempted_at is not None and begins_at <= leg.attempted_at < ends_at
    )


def _may_have_filled(leg: LegState) -> bool:
    return leg.filled > 0 or leg.closed is None
