"""The way a price takes inside a bar: from its open to its close, never beyond its low and high.

A day becomes minutes that add up to exactly that day; a minute a zigzag through its four prices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np

from broker.exchange.noise import FloatArray, normals, uniforms

_SPREAD_ROOM = 0.01
"""What a minute reaches beyond its own trades, so that bid and ask lie inside it."""
_ROUGHNESS = 0.35
"""Deviation of the path between its turning points, as a share of the day's range."""


class Ohlcv(NamedTuple):
    """One bar's prices in dollars and its volume in shares.

    A tuple, as some hundred of them are made for each symbol and session.
    """

    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True, slots=True)
class MinuteBars:
    """The minutes of one session that have prices, oldest first.

    `starts` counts minutes from the session's open; `bars` is parallel to it.
    """

    starts: Sequence[int]
    bars: Sequence[Ohlcv]


class _Columns(Sequence[Ohlcv]):
    """Bars that are made when they are read: of a session mostly a few minutes are."""

    def __init__(self, *columns: "list[float] | list[int]") -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns[0])

    def __iter__(self) -> Iterator[Ohlcv]:
        """Make all of them."""
        return map(Ohlcv._make, zip(*self._columns, strict=True))

    @overload
    def __getitem__(self, place: int) -> Ohlcv: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Ohlcv]: ...

    def __getitem__(self, place: int | slice) -> Ohlcv | Sequence[Ohlcv]:
        """Return one bar, or those of a part of the session."""
        if isinstance(place, slice):
            return _Columns(*(column[place] for column in self._columns))
        return Ohlcv._make(column[place] for column in self._columns)


def price_within(bar: Ohlcv, elapsed_fraction: float) -> float:
    """Return the price after `elapsed_fraction` (0 to 1) of `bar`.

    A rising bar visits its low before its high, a falling one its high before its low.
    """
    turns = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    return float(np.interp(elapsed_fraction, (0.0, 0.25, 0.75, 1.0), (bar.open, *turns, bar.close)))


def minutes_inside(day: Ohlcv, minutes: int, key: int) -> MinuteBars:
    """Return `minutes` minute bars whose aggregate is exactly `day`; `key` draws the path."""
    points = _points(day, minutes, key)
    starts, ends = points[:-1], points[1:]
    room = np.abs(normals(key ^ 1, minutes)) * (day.high - day.low) / minutes + _SPREAD_ROOM
    highs = np.minimum(day.high, _cents(np.maximum(starts, ends) + room))
    lows = np.maximum(day.low, _cents(np.minimum(starts, ends) - room))
    prices = (column.tolist() for column in (starts, highs, lows, ends))
    bars = _Columns(*prices, _volumes(day.volume, minutes, key ^ 2))
    return MinuteBars(range(minutes), bars)


def _points(day: Ohlcv, minutes: int, key: int) -> FloatArray:
    """Return the prices at the minutes' borders: from open to close by way of high and low."""
    early, late, order = uniforms(key ^ 3, 3)
    first = 1 + int(early * (minutes // 2 - 1))
    second = minutes // 2 + int(late * (minutes - minutes // 2 - 1))
    turns = (day.high, day.low) if order < 0.5 else (day.low, day.high)  # noqa: PLR2004 a fair coin
    anchors = np.array([0, first, second, minutes])
    line = np.interp(np.arange(minutes + 1), anchors, (day.open, *turns, day.close))
    rough = line + _bridges(anchors, key) * (day.high - day.low) * _ROUGHNESS
    inside = np.clip(_cents(rough), day.low, day.high)
    inside[anchors] = line[anchors]
    return np.asarray(inside, dtype=np.float64)


def _bridges(anchors: "np.ndarray[tuple[int], np.dtype[np.int_]]", key: int) -> FloatArray:
    """Return Brownian bridges that are zero at every anchor, scaled to a whole session."""
    steps = int(anchors[-1])
    walk = np.concatenate(([0.0], np.cumsum(normals(key, steps)))) / steps**0.5
    return np.asarray(
        walk - np.interp(np.arange(steps + 1), anchors, walk[anchors]), dtype=np.float64
    )


def _volumes(total: int, minutes: int, key: int) -> list[int]:
    """Split `total` over the minutes, more at both ends of the session; the sum is exact."""
    place = np.linspace(-1.0, 1.0, minutes)
    weights = (0.6 + place * place) * (0.5 + uniforms(key, minutes))
    borders = np.floor(np.cumsum(weights) / weights.sum() * total)
    borders[-1] = total
    counts: list[int] = np.diff(borders, prepend=0.0).astype(np.int64).tolist()
    return counts


def _cents(prices: FloatArray) -> FloatArray:
    return np.asarray(np.round(prices, 2), dtype=np.float64)
