"""The charts of a postmortem, each one self-contained SVG text: no script, nothing from outside.

The same input gives the same bytes. Points that are no finite numbers are left out and counted in
the description, which tells a screen reader what the picture shows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Final, Literal

from council.analytics.charting.axes import day_number, dollars, percents, round_ticks, signed
from council.analytics.charting.bars import Interval, Row, bar_layout, bar_parts
from council.analytics.charting.lines import Emphasis, Points, line_layout, line_parts
from council.analytics.charting.matrix import matrix_layout, matrix_parts
from council.analytics.charting.strips import Looks, in_slots, strip_layout, strip_parts
from council.analytics.charting.svg import drawing, text
from council.analytics.charting.theme import paint
from council.analytics.resampling import Estimate, NotEnoughWeeks

Figure = Decimal | float
Series = Mapping[str, Sequence[tuple[date, Figure]]]
"""Name to (date or aware instant, US dollars), in any order."""
Look = tuple[datetime, Figure, str]
Unit = Literal["usd", "bps"]

_EMPTY_HEIGHT: Final = 90.0
_LEAST_DEPTH: Final = 0.01
"""An axis of drawdown goes to 1 % at least, so that a scratch does not look like a crash."""


def equity_chart(
    series: Series, *, references: Collection[str] = (), foremost: str | None = None
) -> str:
    """Draw the equity of each account over time, in US dollars.

    Names in `references`, such as an index, are drawn as what the others are measured against, and
    the line of `foremost` is solid and heavier than all.
    """
    clean, left_out = _clean(series)
    said = [f"{name}: {_usd(p[0][1])} to {_usd(p[-1][1])}." for name, p in clean.items()]
    description = _description(said, left_out)
    if not clean:
        return _empty("Equity", "No equity has been marked yet.", description)
    values = _values(clean)
    ticks = round_ticks(min(values), max(values))
    words = ("Equity, US dollars", description)
    emphasis = Emphasis(references, foremost)
    return _line_chart(clean, (ticks, dollars(ticks)), words, emphasis)


def drawdown_chart(
    series: Series, *, references: Collection[str] = (), foremost: str | None = None
) -> str:
    """Draw the fall from peak equity of each account, below zero; all given as for equity."""
    clean, left_out = _clean(series)
    falls = {name: _falls(points) for name, points in clean.items()}
    said = [f"{name}: at most {_percent(min(v for _, v in p))}." for name, p in falls.items()]
    description = _description(said, left_out)
    if not falls:
        return _empty("Drawdown", "No equity has been marked yet.", description)
    ticks = round_ticks(min(*_values(falls), -_LEAST_DEPTH), 0.0)
    words = ("Drawdown from the peak", description)
    emphasis = Emphasis(references, foremost)
    return _line_chart(falls, (ticks, percents(ticks)), words, emphasis)


def conviction_path(accounts: Mapping[str, Sequence[Look]]) -> str:
    """Draw (instant, conviction of -2 to 2, action) of each account, a strip each."""
    looks = {name: _looks(given) for name, given in accounts.items()}
    shown = {name: found for name, found in looks.items() if found}
    left_out = sum(len(given) - len(looks[name]) for name, given in accounts.items())
    said = [f"{name}: {_path(found)}." for name, found in shown.items()]
    title, description = "Conviction at each checkpoint", _description(said, left_out)
    if not shown:
        return _empty(title, "No checkpoint has been taken yet.", description)
    placed, days = in_slots(shown)
    layout = strip_layout(placed)
    parts = strip_parts(layout, caption=title, days=days)
    return drawing(parts, height=layout.height, title=title, description=description)


def review_matrix(
    reviewers: Sequence[str], authors: Sequence[str], scores: Mapping[tuple[str, str], Figure]
) -> str:
    """Draw the mean score, 1 to 10, by (reviewer, author); a pair without one shows a dash."""
    given = {pair: float(score) for pair, score in scores.items() if isfinite(score)}
    wanted = [(r, a, given[r, a]) for r in reviewers for a in authors if (r, a) in given]
    said = [f"{reviewer} gave {author} {score:.1f}." for reviewer, author, score in wanted]
    title, description = "Mean score, by reviewer and author", _description(said, 0)
    if not reviewers or not authors:
        return _empty(title, "No pitch has been reviewed yet.", description)
    layout = matrix_layout(reviewers, authors, given)
    parts = matrix_parts(layout, caption="Mean score: reviewers in rows, authors in columns")
    return drawing(parts, height=layout.height, title=title, description=description)


def value_bars(
    estimates: Sequence[tuple[str, Estimate | NotEnoughWeeks]], *, unit: Unit = "usd"
) -> str:
    """Draw (name, mean a week with its 95 % interval), in US dollars or basis points.

    A name with too few weeks says how many it has and needs, and has no bar.
    """
    rows = [_row(name, found, unit) for name, found in estimates]
    said = [f"{row.name}: {row.words}." for row in rows]
    title = f"Value a week, {'US dollars' if unit == 'usd' else 'basis points'}"
    if not rows:
        return _empty(title, "Nothing has been estimated yet.", "")
    layout = bar_layout(rows)
    labels = dollars(layout.ticks) if unit == "usd" else _bps_labels(layout.ticks)
    caption = f"{title}: mean and 95 % interval"
    parts = bar_parts(layout, tick_labels=labels, caption=caption)
    return drawing(parts, height=layout.height, title=title, description=_description(said, 0))


def _line_chart(
    series: Mapping[str, Points],
    scale: tuple[Sequence[float], Sequence[str]],
    words: tuple[str, str],
    emphasis: Emphasis,
) -> str:
    ticks, labels = scale
    layout = line_layout(series, ticks=ticks, tick_labels=labels, emphasis=emphasis)
    parts = line_parts(layout, ticks=ticks, tick_labels=labels, caption=words[0])
    return drawing(parts, height=layout.height, title=words[0], description=words[1])


def _empty(title: str, words: str, description: str) -> str:
    parts = [
        text(title, 6, 14, class_="strong"),
        text(words, 6, _EMPTY_HEIGHT / 2, fill=paint("quiet")),
    ]
    told = f"{words} {description}".strip()
    return drawing(parts, height=_EMPTY_HEIGHT, title=title, description=told)


def _clean(series: Series) -> tuple[dict[str, Points], int]:
    """Return what can be drawn, oldest first, and how many points cannot."""
    found = {
        name: tuple(sorted((day_number(at), float(v)) for at, v in points if isfinite(v)))
        for name, points in series.items()
    }
    left_out = sum(len(points) - len(found[name]) for name, points in series.items())
    return {name: points for name, points in found.items() if points}, left_out


def _falls(points: Points) -> Points:
    """An account that never had anything cannot fall."""
    peak, falls = 0.0, []
    for day, value in points:
        peak = max(peak, value)
        falls.append((day, value / peak - 1 if peak > 0 else 0.0))
    return tuple(falls)


def _looks(given: Iterable[Look]) -> Looks:
    return tuple(
        sorted((day_number(at), float(c), str(act)) for at, c, act in given if isfinite(c))
    )


def _path(looks: Looks) -> str:
    return ", ".join(f"{signed(value, places=1, plus=True)} {act}" for _, value, act in looks)


def _row(name: str, found: Estimate | NotEnoughWeeks, unit: Unit) -> Row:
    if isinstance(found, NotEnoughWeeks):
        return Row(name, f"not enough weeks: {len(found.weeks)} of {found.needed}", None)
    if not all(map(isfinite, (found.mean, found.low, found.high))):
        return Row(name, "no number", None)
    low, high = (_amount(bound, unit) for bound in (found.low, found.high))
    words = f"{_amount(found.mean, unit)} ({low} to {high})"
    return Row(name, words, Interval(found.mean, found.low, found.high))


def _amount(value: float, unit: Unit) -> str:
    if unit == "usd":
        return signed(value, before="$", plus=True)
    return signed(value, places=1, after=" bp", plus=True)


def _bps_labels(ticks: Sequence[float]) -> tuple[str, ...]:
    return tuple(label.replace("$", "") for label in dollars(ticks))


def _description(said: Sequence[str], left_out: int) -> str:
    missing = [f"{left_out} points were left out: they are no numbers."] if left_out else []
    return " ".join([*said, *missing])


def _values(series: Mapping[str, Points]) -> list[float]:
    return [value for points in series.values() for _, value in points]


def _usd(value: float) -> str:
    return signed(value, before="$")


def _percent(fraction: float) -> str:
    return signed(fraction * 100, places=1, after="%")
