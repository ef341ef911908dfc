"""What a paper venue leaves out of holding a position: dividends, and the loan of a short. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from config.schema import InstrumentConfig
from council.result_facts import HeldPosition

_YEAR: Final = timedelta(days=365)
_STEP: Final = Decimal("0.0001")
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Carry:
    """Estimates in US dollars: dividends, below zero where owed on shorts, and the cost of loans.

    `borrow_usd` is zero or above. Both are rounded to a hundredth of a cent.
    """

    dividends_usd: Decimal = _NOTHING
    borrow_usd: Decimal = _NOTHING


def carry_of(
    held: Sequence[HeldPosition], elapsed: timedelta, instruments: Mapping[str, InstrumentConfig]
) -> Carry:
    """Return what holding `held` for `elapsed` brings and costs beside its price.

    Both are value times yearly rate times days over 365. When a dividend is paid is not known here,
    so that it accrues evenly over the year: a week with an ex-date shows too little, any other too
    much. An instrument without rates counts nothing.
    """
    seconds = max(elapsed // timedelta(seconds=1), 0)  # clocks of two machines may disagree
    years = Decimal(seconds) / Decimal(_YEAR // timedelta(seconds=1))
    dividends = borrow = _NOTHING
    for position in held:
        rates = instruments.get(position.symbol)
        if rates is None:
            continue
        value = position.market_value_usd
        dividends += value * (rates.dividend_yield or _NOTHING)
        borrow += max(-value, _NOTHING) * (rates.borrow_rate or _NOTHING)
    return Carry((dividends * years).quantize(_STEP), (borrow * years).quantize(_STEP))
