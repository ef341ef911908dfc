"""The prompt as a rehearsal model reads it: the blocks, and the market table as numbers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

_BLOCK = re.compile(r"<([a-z_]+)(?: [^<>]*)?>([^<]*)</\1>")
"""A block holds no `>` either, but what stops at one character alone is read twice as fast."""
_SESSIONS_A_YEAR = 252
_TYPICAL_VOLATILITY = 0.15
"""Assumed where an instrument's history is too short to tell."""
_SMALLEST_VOLATILITY = 0.02

Blocks = dict[str, Any]


def read_blocks(text: str) -> Blocks:
    """Return the JSON value of every block in `text` by its tag; the last of a tag counts."""
    return {match[1]: json.loads(match[2]) for match in _BLOCK.finditer(text)}


@dataclass(frozen=True, slots=True)
class Instrument:
    """One row of the market table; `numbers` holds what is known, by name, without the symbol."""

    symbol: str
    asset_class: str
    numbers: Mapping[str, float]

    @property
    def close(self) -> float:
        """Return the last close in dollars."""
        return self.numbers["close"]

    @property
    def volatility(self) -> float:
        """Return the annualised volatility, or a typical one where it is unknown."""
        known = self.numbers.get("realised_volatility_20d", _TYPICAL_VOLATILITY)
        return max(known, _SMALLEST_VOLATILITY)

    @property
    def daily_range(self) -> float:
        """Return the average true range in dollars, or what the volatility implies."""
        implied = self.close * self.volatility / _SESSIONS_A_YEAR**0.5
        return max(float(self.numbers.get("atr_14", implied)), self.close * 0.001)

    def in_deviations(self, name: str, sessions: int) -> float | None:
        """Return the fraction called `name` over its usual size for so many sessions."""
        value = self.numbers.get(name)
        usual = self.volatility * (sessions / _SESSIONS_A_YEAR) ** 0.5
        return None if value is None else value / usual


@dataclass(frozen=True, slots=True)
class Market:
    """The market table with the universe in its order; some of the universe may have no prices."""

    universe: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    proxy: Instrument | None

    @property
    def median_volatility(self) -> float:
        """Return the median of the instruments' volatilities."""
        return median(instrument.volatility for instrument in self.instruments)

    def of(self, symbol: str) -> Instrument | None:
        """Return the instrument called `symbol`, or None where it has no prices."""
        return next((one for one in self.instruments if one.symbol == symbol), None)


def read_market(blocks: Blocks) -> Market:
    """Return the market that the prompt shows."""
    table = blocks["market_table"]
    proxy = table["volatility_proxy"]
    instruments = tuple(_instrument(row) for row in table["instruments"])
    known = {instrument.symbol for instrument in instruments}
    universe = tuple(blocks["universe"])
    return Market(
        universe=universe,
        instruments=tuple(one for one in instruments if one.symbol in known & set(universe)),
        proxy=_instrument(proxy) if proxy else None,
    )


def _instrument(row: Mapping[str, Any]) -> Instrument:
    numbers = {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return Instrument(row["symbol"], row["asset_class"], numbers)
