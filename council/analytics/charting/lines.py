"""Lines over time, each named at its end: where everything goes, then the drawing of it.

A name stands beside the end of its line and is moved only as far as its neighbours force it.
References, what the others are measured against, are thin and grey and leave the colours to them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from council.analytics.charting.axes import Axis, date_ticks
from council.analytics.charting.svg import (
    WIDTH,
    Box,
    element,
    marker,
    number,
    plain,
    shortened,
    text,
    text_width,
)
from council.analytics.charting.theme import MARKERS, NARROW_FONT_PX, line_dash, line_paint, paint

Points = tuple[tuple[float, float], ...]

_TOP: Final = 36.0
_FOOT: Final = 34.0
_LEAST_HEIGHT: Final = 300.0
_LEADER: Final = 26.0
_MOST_NAME: Final = 118.0
_EDGE: Final = 6.0
_REFERENCE_DASHES: Final = ("6 3", "1 3", "9 3 1 3")
LABEL_HEIGHT: Final = NARROW_FONT_PX * 1.25


@dataclass(frozen=True, slots=True)
class Emphasis:
    """Which lines recede, as references, and which one is solid and heavier than the others."""

    references: Collection[str] = ()
    foremost: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One series where it is drawn, and its name beside its end.

    `turn` counts the lines of its own sort, references or not, from zero.
    """

    name: str
    label: str
    points: Points
    label_box: Box
    turn: int
    is_reference: bool
    is_foremost: bool


@dataclass(frozen=True, slots=True)
class LineLayout:
    """Where all of a line chart goes."""

    height: float
    plot: Box
    across: Axis
    up: Axis
    lines: tuple[Line, ...]


def line_layout(
    series: Mapping[str, Points],
    *,
    ticks: Sequence[float],
    tick_labels: Sequence[str],
    emphasis: Emphasis = Emphasis(),
    least_height: float = _LEAST_HEIGHT,
) -> LineLayout:
    """Return where `series` of (day number, value) go; none of them is empty."""
    labels = {name: shortened(name, _MOST_NAME) for name in series}
    height = max(least_height, _TOP + _FOOT + len(series) * LABEL_HEIGHT)
    plot = Box(
        left=_EDGE * 2 + max(map(text_width, tick_labels)),
        top=_TOP,
        right=WIDTH - _EDGE - _LEADER - max(map(text_width, labels.values()), default=0.0),
        bottom=height - _FOOT,
    )
    days = [day for points in series.values() for day, _ in points]
    across = Axis(min(days), max(days), plot.left, plot.right)
    up = Axis(ticks[0], ticks[-1], plot.bottom, plot.top)
    drawn = {n: tuple((across.at(d), up.at(v)) for d, v in ps) for n, ps in series.items()}
    lines = _named(drawn, labels, plot, emphasis=emphasis)
    return LineLayout(height, plot, across, up, lines)


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> tuple[float, ...]:
    """Return the places nearest to `wanted` that lie `gap` apart, from `low` to `high`.

    Least squares: neighbours that would touch are pooled about their mean.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    blocks: list[tuple[float, int]] = []
    for rank, index in enumerate(order):
        blocks.append((wanted[index] - rank * gap, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            blocks[-2:] = [_pooled(*blocks[-2:])]
    flat = [mean for mean, count in blocks for _ in range(count)]
    last = max(low, high - (len(wanted) - 1) * gap)
    places = [0.0] * len(wanted)
    for rank, index in enumerate(order):
        places[index] = min(max(flat[rank], low), last) + rank * gap
    return tuple(places)


def line_parts(
    layout: LineLayout, *, ticks: Sequence[float], tick_labels: Sequence[str], caption: str
) -> list[str]:
    """Return the markup of a line chart: caption, axes, lines, names."""
    parts = [text(caption, _EDGE, 14, class_="strong")]
    for tick, label in zip(ticks, tick_labels, strict=True):
        parts += _level(layout, layout.up.at(tick), label)
    parts += date_parts(layout.across, bottom=layout.plot.bottom, top=layout.plot.bottom)
    # What is measured lies over what it is measured against, the foremost line over all.
    lines = sorted(layout.lines, key=lambda line: (not line.is_reference, line.is_foremost))
    return parts + [_reference(line) if line.is_reference else _line(line) for line in lines]


def date_parts(across: Axis, *, bottom: float, top: float) -> list[str]:
    """Return the dates under `bottom`, each with a hair line up to `top`.

    A label is moved rather than let run out of the picture.
    """
    parts = []
    for day, label in date_ticks(across.low, across.high):
        x = across.at(min(max(day, across.low), across.high))
        half = text_width(label) / 2
        shown = min(max(x, half + _EDGE), WIDTH - half - _EDGE)
        parts.append(hair_line((x, bottom + 5), (x, top)))
        parts.append(text(label, shown, bottom + 18, class_="quiet", text_anchor="middle"))
    return parts


def hair_line(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Return a thin line of the grid."""
    return element("path", d=path_of((start, end)), stroke=paint("grid"), fill="none")


def path_of(points: Sequence[tuple[float, float]]) -> str:
    """Return the path from point to point."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def _pooled(first: tuple[float, int], second: tuple[float, int]) -> tuple[float, int]:
    count = first[1] + second[1]
    return (first[0] * first[1] + second[0] * second[1]) / count, count


def _named(
    drawn: Mapping[str, Points],
    labels: Mapping[str, str],
    plot: Box,
    *,
    emphasis: Emphasis,
) -> tuple[Line, ...]:
    half = LABEL_HEIGHT / 2
    ends = [points[-1][1] for points in drawn.values()]
    middles = spread(ends, gap=LABEL_HEIGHT, low=plot.top + half, high=plot.bottom - half)
    left, turns = plot.right + _LEADER, {True: count(), False: count()}
    return tuple(
        Line(
            name=name,
            label=labels[name],
            points=points,
            label_box=Box(left, middle - half, left + text_width(labels[name]), middle + half),
            turn=next(turns[name in emphasis.references]),
            is_reference=name in emphasis.references,
            is_foremost=name == emphasis.foremost,
        )
        for (name, points), middle in zip(drawn.items(), middles, strict=True)
    )


def _level(layout: LineLayout, y: float, label: str) -> list[str]:
    plot = layout.plot
    words = text(label, plot.left - _EDGE, y, class_="quiet", text_anchor="end")
    return [hair_line((plot.left, y), (plot.right, y)), words]


def _line(line: Line) -> str:
    colour, middle = line_paint(line.turn), _middle(line)
    left, shape = line.label_box.left, MARKERS[line.turn % len(MARKERS)]
    dash, width = (line_dash(line.turn), 1.7) if not line.is_foremost else ("none", 3.2)
    path = _path(line, colour, dash=dash, width=width)
    return element(
        "g",
        element("title", plain(line.name))
        + _leader(line)
        + path
        + marker(shape, *line.points[-1], fill=colour, stroke=paint("surface"))
        + marker(shape, left - 9, middle, fill=colour)
        + text(line.label, left, middle, class_="strong"),
    )


def _reference(line: Line) -> str:
    dash = _REFERENCE_DASHES[line.turn % len(_REFERENCE_DASHES)]
    path = _path(line, paint("quiet"), dash=dash, width=1.4)
    return element(
        "g",
        element("title", plain(line.name))
        + _leader(line)
        + path
        + text(line.label, line.label_box.left, _middle(line), class_="quiet"),
    )


def _path(line: Line, colour: str, *, dash: str, width: float) -> str:
    return element(
        "path",
        d=path_of(line.points),
        fill="none",
        stroke=colour,
        stroke_dasharray=dash,
        stroke_width=width,
        stroke_linejoin="round",
    )


def _leader(line: Line) -> str:
    path = path_of((line.points[-1], (line.label_box.left - 10, _middle(line))))
    return element("path", d=path, stroke=paint("quiet"), fill="none", stroke_dasharray="1 3")


def _middle(line: Line) -> float:
    return (line.label_box.top + line.label_box.bottom) / 2
