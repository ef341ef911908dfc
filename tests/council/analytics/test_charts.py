import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, pairwise
from math import copysign, cos, dist, inf, nan, radians, sin
from typing import Final
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.analytics.charting.axes import date_ticks, dollars, percents, round_ticks
from council.analytics.charting.bars import Interval, Row, bar_layout
from council.analytics.charting.lines import LABEL_HEIGHT, LineLayout, line_layout, spread
from council.analytics.charting.matrix import SLANT, STRONGEST_SHADE, matrix_layout
from council.analytics.charting.strips import strip_layout
from council.analytics.charting.svg import WIDTH, Box, text_width
from council.analytics.charting.theme import COLOURS, DARK, LIGHT, in_fixed_colours, line_dash
from council.analytics.charts import (
    Series,
    conviction_path,
    drawdown_chart,
    equity_chart,
    review_matrix,
    value_bars,
)
from council.analytics.resampling import Estimate, NotEnoughWeeks

MONDAY: Final = date(2026, 11, 16)
NOON: Final = datetime(2026, 11, 16, 12, tzinfo=UTC)
SIX: Final = ("CHATGPT", "GEMINI", "GROQ", "CLAUDE", "DEEPSEEK", "COUNCIL")
HOSTILE: Final = "<script>alert('x')</script>&\"\x00\u202eurl(http://a.b)"
_FIGURES: Final = st.floats(-1e7, 1e7, allow_nan=False)
_SERIES: Final = st.dictionaries(
    st.text(max_size=30),
    st.lists(st.tuples(st.floats(739_000, 740_000), _FIGURES), min_size=1, max_size=8),
    min_size=1,
    max_size=14,
)
Linear = tuple[float, float, float]
# What a person without green or red cones sees: Machado, Oliveira and Fernandes (2009), severity 1.
_SIGHTS: Final[Mapping[str, tuple[Linear, Linear, Linear]]] = {
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
}


def _equity(*names: str) -> Series:
    return {
        name: [(MONDAY + timedelta(n), 100_000 + 10 * place + n * 7) for n in range(5)]
        for place, name in enumerate(names)
    }


def _every_chart(*names: str) -> list[str]:
    looks = {name: [(NOON, 1.5, "STAY"), (NOON + timedelta(hours=4), 0, "EXIT")] for name in names}
    certain = Estimate(12.0, 3.0, 21.0, 9.0, 40)
    return [
        equity_chart(_equity(*names)),
        drawdown_chart(_equity(*names)),
        conviction_path(looks),
        review_matrix(names, names, {(a, b): 7.25 for a in names for b in names if a != b}),
        value_bars([(name, certain) for name in names]),
        value_bars([(name, NotEnoughWeeks(("2026-W47",), 8)) for name in names], unit="bps"),
    ]


def _layout(series: Mapping[str, list[tuple[float, float]]]) -> LineLayout:
    points = {name: tuple(sorted(given)) for name, given in series.items()}
    values = [value for given in points.values() for _, value in given]
    ticks = round_ticks(min(values), max(values))
    return line_layout(points, ticks=ticks, tick_labels=dollars(ticks))


def _holds(box: Box, x: float, y: float) -> bool:
    across = box.left - 1e-6 <= x <= box.right + 1e-6
    return across and box.top - 1e-6 <= y <= box.bottom + 1e-6


def _apart(boxes: list[Box]) -> bool:
    shrunk = [Box(b.left, b.top + 1e-6, b.right, b.bottom - 1e-6) for b in boxes]
    return not any(one.meets(other) for one, other in combinations(shrunk, 2))


@given(_SERIES)
def test_names_of_lines_overlap_neither_each_other_nor_the_edge(
    series: dict[str, list[tuple[float, float]]],
) -> None:
    layout = _layout(series)

    boxes = [line.label_box for line in layout.lines]
    assert _apart(boxes)
    assert all(box.left > layout.plot.right and box.right <= WIDTH for box in boxes)
    assert all(box.top >= 0 and box.bottom <= layout.height for box in boxes)


@given(_SERIES)
def test_every_point_of_a_line_lies_inside_the_plot(
    series: dict[str, list[tuple[float, float]]],
) -> None:
    layout = _layout(series)

    assert all(_holds(layout.plot, x, y) for line in layout.lines for x, y in line.points)


def test_a_name_stays_at_the_end_of_its_line_where_nothing_is_in_its_way() -> None:
    places = spread([100.0, 50.0, 101.0], gap=LABEL_HEIGHT, low=0.0, high=300.0)

    assert places[1] == 50.0
    assert places[2] - places[0] == pytest.approx(LABEL_HEIGHT)
    assert (places[0] + places[2]) / 2 == pytest.approx(100.5)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6), st.integers(1, 8))
def test_convictions_lie_in_their_strips_and_strips_lie_apart(
    convictions: list[float], accounts: int
) -> None:
    looks = tuple((739_000.0 + n / 3, value, "STAY") for n, value in enumerate(convictions))

    layout = strip_layout({f"account {n}": looks for n in range(accounts)})

    assert all(_holds(strip.plot, x, y) for strip in layout.strips for x, y in strip.steps)
    assert _apart([box for strip in layout.strips for box in (strip.plot, strip.label_box)])


@pytest.mark.parametrize("names", [("A",), SIX, tuple(f"a much too long name {n}" for n in SIX)])
def test_cells_of_the_matrix_overlap_nowhere_and_stay_in_the_picture(
    names: tuple[str, ...],
) -> None:
    layout = matrix_layout(names, names, {})

    boxes = [cell.box for cell in layout.cells]
    assert _apart(boxes)
    assert all(b.left > layout.name_right and b.right <= WIDTH for b in boxes)
    assert max(box.bottom for box in boxes) <= layout.height


@given(st.lists(st.tuples(_FIGURES, _FIGURES, _FIGURES), min_size=1, max_size=6))
def test_intervals_lie_on_the_axis_and_their_words_beside_the_names(
    figures: list[tuple[float, float, float]],
) -> None:
    rows = [Row("n" * 60, "w" * 20, Interval(m, *sorted((a, b)))) for a, m, b in figures]

    layout = bar_layout(rows)

    ends = [end for a, m, b in figures for end in (a, m, b, 0.0)]
    assert all(
        _holds(layout.rows[0].bar, layout.across.at(e), layout.rows[0].bar.top) for e in ends
    )
    assert _apart([box for row in layout.rows for box in (row.name_box, row.words_box, row.bar)])


@pytest.mark.parametrize("names", [("A", "B"), SIX, tuple(f"a too long name {n}" for n in SIX)])
def test_names_over_the_matrix_touch_neither_each_other_nor_the_edge(
    names: tuple[str, ...],
) -> None:
    layout = matrix_layout(names, names, {})

    widths = [text_width(name) for name, _ in layout.columns]
    apart = layout.columns[1][1] - layout.columns[0][1]
    last = layout.columns[-1][1]
    assert layout.is_slanted == (names != ("A", "B"))
    if layout.is_slanted:
        assert apart * sin(radians(SLANT)) >= LABEL_HEIGHT
        assert last + widths[-1] * cos(radians(SLANT)) <= WIDTH
        assert layout.header_bottom - 10 - max(widths) * sin(radians(SLANT)) > LABEL_HEIGHT
    else:
        assert max(widths) < apart


def test_means_leave_out_who_gave_no_score() -> None:
    layout = matrix_layout(["A", "B"], ["A", "B"], {("A", "B"): 4.0, ("B", "A"): 9.0})

    assert [cell.score for cell in layout.cells] == [None, 4.0, 9.0, None, 9.0, 4.0]


@pytest.mark.parametrize("names", [("CLAUDE",), SIX])
def test_every_chart_is_well_formed_named_and_free_of_what_would_load_or_run(
    names: tuple[str, ...],
) -> None:
    for picture in _every_chart(*names):
        root = ElementTree.fromstring(picture)  # noqa: S314 - our own text

        tags = {node.tag.rpartition("}")[2] for node in root.iter()}
        named = {node.get("id") for node in root.iter()}
        assert tags <= {"svg", "title", "desc", "style", "rect", "path", "g", "text", "circle"}
        assert set(root.attrib["aria-labelledby"].split()) <= named
        assert not re.search(r"nan\b|inf\b|href|@import|url\(", picture, re.IGNORECASE)


def test_a_hostile_name_is_shown_as_text() -> None:
    for picture in _every_chart(HOSTILE):
        assert "<script" not in picture
        assert "\x00" not in picture
        assert "\u202e" not in picture
        assert "&lt;scrip" in picture
        ElementTree.fromstring(picture)  # noqa: S314 - our own text


def test_the_same_figures_in_another_order_give_the_same_bytes() -> None:
    turned = {name: list(reversed(points)) for name, points in _equity(*SIX).items()}

    assert equity_chart(turned) == equity_chart(_equity(*SIX))
    assert _every_chart(*SIX) == _every_chart(*SIX)


@pytest.mark.parametrize(
    "values",
    [[100_000.0], [0.0], [5.0, 5.0, 5.0], [1500.0, -900.0], [-3.0, -8.0], [1.0, nan, inf, 2.0]],
    ids=["one point", "zero", "flat", "below zero", "never above zero", "no numbers among them"],
)
def test_odd_series_are_drawn_without_a_figure_that_is_none(values: list[float]) -> None:
    series = {"A": [(MONDAY + timedelta(n), value) for n, value in enumerate(values)]}

    for picture in (equity_chart(series), drawdown_chart(series)):
        assert not re.search(r"nan\b|inf\b", picture, re.IGNORECASE)
        ElementTree.fromstring(picture)  # noqa: S314 - our own text


def test_points_left_out_are_counted_in_the_description() -> None:
    picture = equity_chart({"A": [(MONDAY, 1.0), (MONDAY, nan), (MONDAY, inf)], "B": [(MONDAY, 2)]})

    assert "2 points were left out" in picture


def test_without_anything_to_draw_a_chart_says_so() -> None:
    assert "No equity has been marked yet." in equity_chart({"A": []})
    assert "No equity has been marked yet." in drawdown_chart({})
    assert "No checkpoint has been taken yet." in conviction_path({"A": []})
    assert "No pitch has been reviewed yet." in review_matrix([], SIX, {})
    assert "Nothing has been estimated yet." in value_bars([])


def test_a_drawdown_is_the_fall_from_the_highest_equity_so_far() -> None:
    picture = drawdown_chart(
        {"A": [(MONDAY + timedelta(n), v) for n, v in enumerate((80, 100, 90))]}
    )

    assert "A: at most \N{MINUS SIGN}10.0%." in picture


def test_the_scores_are_told_to_who_cannot_see_them() -> None:
    picture = review_matrix(["A"], ["A", "B"], {("A", "B"): 4.04})

    assert "A gave B 4.0.</desc>" in picture


def test_too_few_weeks_are_said_and_get_no_bar() -> None:
    picture = value_bars([("Review", NotEnoughWeeks(("2026-W46", "2026-W47"), 8))])

    assert "not enough weeks: 2 of 8" in picture
    assert picture.count("<rect") == 1
    assert "hollow" not in picture


@given(_FIGURES, _FIGURES)
def test_ticks_are_few_rising_and_hold_both_ends(one: float, other: float) -> None:
    low, high = sorted((one, other))

    ticks = round_ticks(low, high)

    assert 2 <= len(ticks) <= 6
    assert all(before < after for before, after in pairwise(ticks))
    assert ticks[0] <= low + (ticks[-1] - ticks[0]) * 1e-9
    assert ticks[-1] >= high - (ticks[-1] - ticks[0]) * 1e-9


@given(st.floats(700_000, 740_000), st.floats(0, 9_000))
def test_dates_are_few_and_inside_the_span(low: float, days: float) -> None:
    ticks = date_ticks(low, low + days)

    assert 1 <= len(ticks) <= 5
    assert all(low <= day <= low + days for day, _ in ticks)


def test_looks_within_one_day_stand_on_that_day() -> None:
    noon = MONDAY.toordinal() + 0.5

    assert date_ticks(noon, noon + 0.25) == ((noon, "16 Nov"),)


def test_figures_on_an_axis_share_one_unit() -> None:
    assert dollars((99_500, 100_000, 100_500)) == ("$99.5k", "$100.0k", "$100.5k")
    assert dollars((-500, 0, 500)) == ("\N{MINUS SIGN}$500", "$0", "$500")
    assert percents((-0.005, 0, 0.005)) == ("\N{MINUS SIGN}0.5%", "0.0%", "0.5%")


def test_no_two_of_twelve_lines_share_colour_and_dash() -> None:
    pairs = {(index % COLOURS, line_dash(index)) for index in range(12)}

    assert len(pairs) == 12


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_and_words_stand_out_from_the_ground(theme: dict[str, str]) -> None:
    ground = theme["surface"]

    assert all(_contrast(theme[f"line{n}"], ground) >= 3 for n in range(COLOURS))
    assert min(_contrast(theme["ink"], ground), _contrast(theme["quiet"], ground)) >= 4.5
    assert _contrast(theme["ink"], _mixed(theme["line0"], ground, STRONGEST_SHADE)) >= 4.5


@pytest.mark.parametrize("sight", _SIGHTS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_neighbouring_lines_differ_for_the_colour_blind_and_in_their_dashes(
    theme: dict[str, str], sight: str
) -> None:
    seen = [_seen(theme[f"line{n}"], sight) for n in range(COLOURS)]

    # 0.1 in Oklab is five times what is just told apart side by side.
    assert min(dist(one, other) for one, other in pairwise(seen)) >= 0.1
    assert all(line_dash(n) != line_dash(n + 1) for n in range(12))


@pytest.mark.parametrize(("is_dark", "ground"), [(False, "#ffffff"), (True, DARK["surface"])])
def test_in_fixed_colours_a_chart_needs_no_variables(is_dark: bool, ground: str) -> None:
    for picture in _every_chart(*SIX):
        fixed = in_fixed_colours(picture, is_dark=is_dark)

        assert "var(" not in fixed
        assert "@media" not in fixed
        assert ground in fixed


def _channels(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def _linear(colour: str) -> list[float]:
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]


def _mixed(colour: str, ground: str, share: float) -> str:
    both = zip(_channels(colour), _channels(ground), strict=True)
    return "#" + "".join(f"{round(255 * (share * a + (1 - share) * b)):02x}" for a, b in both)


def _contrast(one: str, other: str) -> float:
    weights = (0.2126, 0.7152, 0.0722)
    lights = [sum(w * c for w, c in zip(weights, _linear(x), strict=True)) for x in (one, other)]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def _seen(colour: str, sight: str) -> tuple[float, ...]:
    """Return the colour as it is seen, in Oklab."""
    linear = _linear(colour)
    seen = [
        min(1.0, max(0.0, sum(w * c for w, c in zip(row, linear, strict=True))))
        for row in _SIGHTS[sight]
    ]
    to_cones = (
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    )
    to_lab = (
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    )
    cones = [sum(w * c for w, c in zip(row, seen, strict=True)) for row in to_cones]
    roots = [copysign(abs(cone) ** (1 / 3), cone) for cone in cones]
    return tuple(sum(w * c for w, c in zip(row, roots, strict=True)) for row in to_lab)
