"""Means with their intervals, one row each; too few weeks are said in words, never drawn as zero.

A full bar is a mean whose whole interval lies on one side of zero, a hollow one is not sure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from council.analytics.charting.axes import Axis, round_ticks
from council.analytics.charting.lines import hair_line, path_of
from council.analytics.charting.svg import WIDTH, Box, element, haloed, shortened, text, text_width
from council.analytics.charting.theme import NARROW_FONT_PX, paint

_EDGE: Final = 6.0
_LEFT: Final = 24.0
_TOP: Final = 54.0
_WORDS: Final = NARROW_FONT_PX * 1.5
_BAR: Final = 16.0
_GAP: Final = 8.0
_FOOT: Final = 30.0
_MOST_TICKS: Final = 6
_KEY: Final = "full: the interval leaves out zero; hollow: not sure"


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its bounds, in the unit of the chart."""

    mean: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether the whole interval is on one side of zero."""
        return self.low * self.high > 0


@dataclass(frozen=True, slots=True)
class Row:
    """A name, what to say beside it, and the interval unless there is none yet."""

    name: str
    words: str
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row where it is drawn: name and words on one line, the bar below."""

    row: Row
    name: str
    name_box: Box
    words_box: Box
    bar: Box


@dataclass(frozen=True, slots=True)
class BarLayout:
    """Where all of the chart goes."""

    height: float
    across: Axis
    ticks: tuple[float, ...]
    rows: tuple[PlacedRow, ...]


def bar_layout(rows: Sequence[Row]) -> BarLayout:
    """Return where the rows go, on an axis that holds zero and every interval."""
    shown = [row.interval for row in rows if row.interval is not None]
    low = min([0.0, *(min(one.low, one.mean) for one in shown)])
    high = max([0.0, *(max(one.high, one.mean) for one in shown)])
    ticks = round_ticks(low, high, most=_MOST_TICKS)
    across = Axis(ticks[0], ticks[-1], _LEFT, WIDTH - _LEFT)
    step = _WORDS + _BAR + _GAP
    placed = tuple(_placed(row, _TOP + step * index) for index, row in enumerate(rows))
    foot = _FOOT if shown else 0.0
    return BarLayout(_TOP + step * len(rows) + foot, across, ticks, placed)


def bar_parts(layout: BarLayout, *, tick_labels: Sequence[str], caption: str) -> list[str]:
    """Return the markup: caption, axis, rows; without any interval there is no axis."""
    parts = [text(caption, _EDGE, 14, class_="strong")]
    bottom = layout.height - _FOOT
    if any(placed.row.interval for placed in layout.rows):
        parts.append(text(_KEY, _EDGE, 36, class_="quiet"))
        for tick, label in zip(layout.ticks, tick_labels, strict=True):
            parts += _tick(layout.across.at(tick), label, bottom)
    for placed in layout.rows:
        parts += _row(placed, layout.across)
    return parts


def _placed(row: Row, top: float) -> PlacedRow:
    words_left = WIDTH - _EDGE - text_width(row.words)
    name = shortened(row.name, words_left - 3 * _EDGE)
    below = top + _WORDS
    return PlacedRow(
        row=row,
        name=name,
        name_box=Box(_EDGE, top, _EDGE + text_width(name), below),
        words_box=Box(words_left, top, WIDTH - _EDGE, below),
        bar=Box(_LEFT, below, WIDTH - _LEFT, below + _BAR),
    )


def _tick(x: float, label: str, bottom: float) -> list[str]:
    half = text_width(label) / 2
    shown = min(max(x, half + 2), WIDTH - half - 2)
    words = text(label, shown, bottom + 14, class_="quiet", text_anchor="middle")
    return [hair_line((x, _TOP), (x, bottom)), words]


def _row(placed: PlacedRow, across: Axis) -> list[str]:
    middle = (placed.name_box.top + placed.name_box.bottom) / 2
    words = {"class_": "quiet", "text_anchor": "end"}
    parts = [
        haloed(text(placed.name, placed.name_box.left, middle, class_="strong")),
        haloed(text(placed.row.words, placed.words_box.right, middle, **words)),
    ]
    interval = placed.row.interval
    return parts + (_bar(interval, placed.bar, across) if interval else [])


def _bar(interval: Interval, bar: Box, across: Axis) -> list[str]:
    zero, mean = across.at(0), across.at(interval.mean)
    colour = paint("line0" if interval.mean >= 0 else "line1")
    middle = (bar.top + bar.bottom) / 2
    low, high = across.at(interval.low), across.at(interval.high)
    caps = "".join(f"M{x:.2f} {middle - 5:.2f}v10" for x in (low, high))
    return [
        element(
            "rect",
            x=min(zero, mean),
            y=bar.top,
            width=abs(mean - zero),
            height=bar.height,
            fill=colour if interval.is_certain else "none",
            fill_opacity=0.6,
            stroke=colour,
            stroke_width=1.5,
            stroke_dasharray="none" if interval.is_certain else "3 2",
        ),
        element("path", d=path_of(((zero, bar.top - 3), (zero, bar.bottom + 3))), **_INK),
        element("path", d=path_of(((low, middle), (high, middle))) + caps, **_WHISKER),
    ]


_INK: Final = {"stroke": paint("ink"), "stroke_width": "1", "fill": "none"}
_WHISKER: Final = {**_INK, "stroke_width": "1.6"}
