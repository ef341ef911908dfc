"""What an account was worth at many instants, as columns, so that years of marks cost little. Pure.

Products go from the oldest mark on, as they would one by one: the digits are the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import fsum, nan
from typing import TYPE_CHECKING, Final

from council.analytics.inputs import EquityMark, Moment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class MarkColumns:
    """Marks in order of time, an entry each; `at` counts microseconds since 1970.

    `gross` and `net` are fractions of the equity, nan where that is not above zero.
    """

    at: "NDArray[np.int64]"
    is_close: "NDArray[np.bool_]"
    equity: "Floats"
    gross: "Floats"
    net: "Floats"

    @property
    def moves(self) -> "Floats":
        """Return the simple returns from mark to mark; every equity must be above zero."""
        moves: Floats = self.equity[1:] / self.equity[:-1] - 1.0
        return moves

    @property
    def daily(self) -> list[float]:
        """Return the equity at the first mark and at each later close."""
        closes = self.equity[1:][self.is_close[1:]].tolist()
        return [*self.equity[:1].tolist(), *closes]


def columns_of(marks: Sequence[EquityMark]) -> MarkColumns:
    """Return `marks`, oldest first, as columns."""
    import numpy as np  # noqa: PLC0415 - a server that only lists its tools should not pay for it

    return MarkColumns(
        at=np.array([(mark.at - _EPOCH) // _MICROSECOND for mark in marks], dtype=np.int64),
        is_close=np.array([mark.moment is Moment.CLOSE for mark in marks], dtype=np.bool_),
        equity=np.array([float(mark.equity_usd) for mark in marks]),
        gross=np.array([_share(mark.long_usd - mark.short_usd, mark) for mark in marks]),
        net=np.array([_share(mark.long_usd + mark.short_usd, mark) for mark in marks]),
    )


def joined(parts: Sequence[MarkColumns]) -> MarkColumns:
    """Return all marks in order of time; of those at one instant the last one of the last part.

    There is a part at least, and no part is without marks.
    """
    import numpy as np  # noqa: PLC0415 - as above

    at = np.concatenate([part.at for part in parts])
    order = np.argsort(at, kind="stable")
    at = at[order]
    kept = order[np.append(at[1:] != at[:-1], True)]
    return MarkColumns(
        at=np.concatenate([part.at for part in parts])[kept],
        is_close=np.concatenate([part.is_close for part in parts])[kept],
        equity=np.concatenate([part.equity for part in parts])[kept],
        gross=np.concatenate([part.gross for part in parts])[kept],
        net=np.concatenate([part.net for part in parts])[kept],
    )


def floats_of(values: Iterable[Decimal]) -> "Floats":
    """Return `values` as a column."""
    import numpy as np  # noqa: PLC0415 - as above

    return np.array([float(value) for value in values], dtype=np.float64)


def in_a_row(series: "Sequence[Floats]") -> "Floats":
    """Return all numbers of `series`, one after the other."""
    import numpy as np  # noqa: PLC0415 - as above

    return np.concatenate(series) if series else np.array([])


def mean_of_known(values: "Floats") -> float | None:
    """Return the mean of what is not nan, None where nothing is."""
    import numpy as np  # noqa: PLC0415 - as above

    known = values[~np.isnan(values)].tolist()
    return fsum(known) / len(known) if known else None


def _share(value_usd: Decimal, mark: EquityMark) -> float:
    return float(value_usd / mark.equity_usd) if mark.equity_usd > 0 else nan
