"""Conviction over time, one strip an account: steps above and below zero, and what was done.

Six accounts in half steps would hide each other in one plot, so each has a strip on one axis of
slots: nights and weekends, when nobody looks, take no room.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

from council.analytics.charting.axes import Axis, day_label, signed
from council.analytics.charting.lines import hair_line, path_of
from council.analytics.charting.svg import (
    WIDTH,
    Box,
    element,
    haloed,
    marker,
    shortened,
    text,
    text_width,
)
from council.analytics.charting.theme import NARROW_FONT_PX, paint

Looks = tuple[tuple[float, float, str], ...]
"""(place on the axis, conviction, action), oldest first."""
DayMarks = tuple[tuple[float, str], ...]
"""(place of a day's first look, the day in words)."""

ACTION_MARKERS: Final = {"STAY": "circle", "REDUCE": "fall", "FLIP": "diamond", "EXIT": "cross"}
_OTHER_MARKER: Final = "square"
_STRONGEST: Final = 2.0
_EDGE: Final = 6.0
_TOP: Final = 58.0
_FOOT: Final = 34.0
_NAME: Final = NARROW_FONT_PX * 1.4
_STRIP: Final = 52.0
_LONE_STRIP: Final = 150.0
_LEVELS: Final = (_STRONGEST, 0.0, -_STRONGEST)
_SAME_SLOT: Final = 1 / 72
"""Of a day: accounts that are looked at within twenty minutes share their slot."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One account's plot, the steps and the looks in it, and its name above."""

    name: str
    label: str
    label_box: Box
    plot: Box
    steps: tuple[tuple[float, float], ...]
    looks: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True)
class StripLayout:
    """Where all of the conviction chart goes."""

    height: float
    across: Axis
    strips: tuple[Strip, ...]


def in_slots(accounts: Mapping[str, Looks]) -> tuple[dict[str, Looks], DayMarks]:
    """Return looks at day numbers as looks at evenly spaced slots, and where each day begins."""
    slots: list[float] = []
    place_of: dict[float, float] = {}
    for day in sorted({day for looks in accounts.values() for day, _, _ in looks}):
        if not slots or day - slots[-1] > _SAME_SLOT:
            slots.append(day)
        place_of[day] = float(len(slots) - 1)
    placed = {
        name: tuple((place_of[day], value, action) for day, value, action in looks)
        for name, looks in accounts.items()
    }
    firsts = {floor(day): place for place, day in reversed(list(enumerate(slots)))}
    days = ((float(place), day_label(day)) for day, place in sorted(firsts.items()))
    return placed, tuple(days)


def strip_layout(accounts: Mapping[str, Looks]) -> StripLayout:
    """Return where the looks of each account go; none of them is empty."""
    days = [day for looks in accounts.values() for day, _, _ in looks]
    left = 3 * _EDGE + max(text_width(_level_label(level)) for level in _LEVELS)
    across = Axis(min(days), max(days), left, WIDTH - 3 * _EDGE)
    tall = _STRIP if len(accounts) > 1 else _LONE_STRIP
    strips, top = [], _TOP
    for name, looks in accounts.items():
        strips.append(_strip(name, looks, top=top, tall=tall, across=across))
        top += _NAME + tall + _EDGE
    return StripLayout(top + _FOOT, across, tuple(strips))


def strip_parts(layout: StripLayout, *, caption: str, days: DayMarks) -> list[str]:
    """Return the markup: caption, what the markers mean, the strips, the days."""
    parts = [text(caption, _EDGE, 14, class_="strong"), *_legend(), *_day_parts(layout, days)]
    return [*parts, *(part for strip in layout.strips for part in _drawn(strip))]


def _day_parts(layout: StripLayout, days: DayMarks) -> list[str]:
    """A label stands where its day begins; one that would touch the label before is left out."""
    bottom, top = layout.strips[-1].plot.bottom + _EDGE, layout.strips[0].plot.top
    parts, free_from = [], 0.0
    for place, label in days:
        x = layout.across.at(place)
        parts.append(hair_line((x, bottom + 5), (x, top)))
        left = min(max(x - 2, _EDGE), WIDTH - _EDGE - text_width(label))
        if left >= free_from:
            parts.append(text(label, left, bottom + 18, class_="quiet"))
            free_from = left + text_width(label) + _EDGE
    return parts


def _strip(name: str, looks: Looks, *, top: float, tall: float, across: Axis) -> Strip:
    plot = Box(across.start, top + _NAME, across.end, top + _NAME + tall)
    up = Axis(-_STRONGEST, _STRONGEST, plot.bottom - _EDGE, plot.top + _EDGE)
    points = tuple((across.at(day), _inside(up, value), action) for day, value, action in looks)
    label = shortened(name, plot.width)
    return Strip(
        name=name,
        label=label,
        label_box=Box(plot.left, top, plot.left + text_width(label), top + _NAME),
        plot=plot,
        steps=_steps([(x, y) for x, y, _ in points]),
        looks=points,
    )


def _inside(up: Axis, value: float) -> float:
    return up.at(min(max(value, up.low), up.high))


def _steps(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """A conviction holds until the next look, so the line goes across and then up or down."""
    found = [points[0]]
    for x, y in points[1:]:
        found += [(x, found[-1][1]), (x, y)]
    return tuple(found)


def _level_label(level: float) -> str:
    return signed(level, plus=True)


def _legend() -> list[str]:
    words = [action.lower() for action in ACTION_MARKERS]
    parts, x = [], _EDGE * 2
    for word, shape in zip(words, ACTION_MARKERS.values(), strict=True):
        parts.append(marker(shape, x, 38, **_pen(shape)))
        parts.append(text(word, x + 9, 38, class_="quiet"))
        x += text_width(word) + 34
    return parts


def _pen(shape: str) -> dict[str, str | float]:
    """Staying is the rule and drawn hollow; what changed the position stands out."""
    fill = paint("surface") if shape == "circle" else paint("line1")
    return {"fill": fill, "stroke": paint("line0" if shape == "circle" else "surface")}


def _drawn(strip: Strip) -> list[str]:
    plot = strip.plot
    up = Axis(-_STRONGEST, _STRONGEST, plot.bottom - _EDGE, plot.top + _EDGE)
    name = text(strip.label, plot.left, strip.label_box.top + _NAME / 2, class_="strong")
    parts = [haloed(name)]
    for level in _LEVELS:
        y = up.at(level)
        parts.append(hair_line((plot.left, y), (plot.right, y)))
        words = _level_label(level)
        parts.append(text(words, plot.left - 2 * _EDGE, y, class_="quiet", text_anchor="end"))
    zero = up.at(0)
    ground = ((strip.steps[0][0], zero), *strip.steps, (strip.steps[-1][0], zero))
    parts.append(element("path", d=path_of(ground), fill=paint("line0"), fill_opacity=0.18))
    parts.append(
        element("path", d=path_of(strip.steps), fill="none", stroke=paint("line0"), stroke_width=2)
    )
    shapes = [(ACTION_MARKERS.get(action, _OTHER_MARKER), x, y) for x, y, action in strip.looks]
    return parts + [marker(shape, x, y, **_pen(shape)) for shape, x, y in shapes]
