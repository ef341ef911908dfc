"""The frozen market table of a week: the only source of numbers in prompts, pitches and tickets."""

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from council.model.base import Value

INDICATOR_NAMES = (
    "return_1d",
    "return_5d",
    "return_20d",
    "return_60d",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_histogram",
    "atr_14",
    "realised_volatility_20d",
    "distance_from_average_50d",
    "distance_from_average_200d",
)
"""Returns, distances, annualised volatility: fractions; RSI: 0 to 100; MACD, ATR: dollars."""


class InstrumentSnapshot(Value):
    """One instrument's last close and indicators; None where its history is too short."""

    symbol: str
    asset_class: str
    last_close: Decimal
    last_session_on: date
    indicators: dict[str, float | None]

    def numbers(self) -> dict[str, float]:
        """Return every known number by its id, such as "SPY.rsi_14" or "TLT.close"."""
        known = {f"{self.symbol}.close": float(self.last_close)}
        for name, value in self.indicators.items():
            if value is not None:
                known[f"{self.symbol}.{name}"] = value
        return known


class Correlation(Value):
    """How alike two instruments' daily returns were; which one is `first` means nothing."""

    first: str
    second: str
    value: Annotated[float, Field(ge=-1, le=1)]


class MarketSnapshot(Value):
    """The market as every stage of the week sees it; `content_hash` is the sha-256 of the rest."""

    week_id: str
    as_of_at: datetime
    source: str
    instruments: tuple[InstrumentSnapshot, ...]
    volatility_proxy: InstrumentSnapshot | None
    without_prices: tuple[str, ...]
    notices: tuple[str, ...]
    content_hash: str
    correlations: tuple[Correlation, ...] = ()
    """For sizing alone, no model sees them; a pair whose history is too short is absent."""

    def computed_hash(self) -> str:
        """Return the sha-256, in hex, of the canonical JSON of every field but `content_hash`."""
        # Weeks from before there were correlations keep the hash that they were stored with.
        absent = set() if self.correlations else {"correlations"}
        body = self.model_dump(mode="json", exclude={"content_hash", *absent})
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def correlation(self, one: str, other: str) -> float | None:
        """Return the correlation of two symbols, None where it is unknown."""
        if one == other:
            return 1.0
        pair = {one, other}
        return next((c.value for c in self.correlations if {c.first, c.second} == pair), None)

    @property
    def tradable(self) -> tuple[str, ...]:
        """Return the symbols that have prices this week."""
        return tuple(instrument.symbol for instrument in self.instruments)

    def numbers(self) -> dict[str, float]:
        """Return every known number by its id, such as "SPY.rsi_14" or "TLT.close"."""
        return {name: value for line in self._lines for name, value in line.numbers().items()}

    def number(self, name: str) -> float | None:
        """Return one of `numbers` by its id, None where it is unknown."""
        own = (line for line in self._lines if name.startswith(f"{line.symbol}."))
        return next((line.numbers().get(name) for line in own), None)

    @property
    def _lines(self) -> tuple[InstrumentSnapshot, ...]:
        return (*self.instruments, *((self.volatility_proxy,) if self.volatility_proxy else ()))
