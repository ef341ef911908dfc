from datetime import UTC, datetime, timedelta
from itertools import pairwise

from council.analytics.charting.lines import Emphasis, line_layout, line_parts
from council.analytics.charting.strips import in_slots, strip_layout, strip_parts
from council.analytics.charts import Series, conviction_path, equity_chart

NOON = datetime(2026, 11, 18, 17, tzinfo=UTC)
POINTS = ((739_000.0, 1.0), (739_001.0, 2.0))
SERIES: Series = {
    name: [(NOON + timedelta(days=n), 100_000 + 50 * place * n) for n in range(4)]
    for place, name in enumerate(("SPY", "CLAUDE", "FLAT", "COUNCIL"))
}


def test_references_leave_the_colours_and_markers_to_the_others() -> None:
    points = dict.fromkeys(SERIES, POINTS)
    emphasis = Emphasis(("SPY", "FLAT"), "COUNCIL")

    layout = line_layout(points, ticks=(1, 2), tick_labels=("1", "2"), emphasis=emphasis)

    turns = {line.name: (line.is_reference, line.turn) for line in layout.lines}
    assert turns == {
        "SPY": (True, 0),
        "CLAUDE": (False, 0),
        "FLAT": (True, 1),
        "COUNCIL": (False, 1),
    }


def test_what_is_measured_is_drawn_over_its_references_and_the_foremost_over_all() -> None:
    picture = equity_chart(SERIES, references=("SPY", "FLAT"), foremost="CLAUDE")

    order = [
        picture.index(f"<title>{name}</title>") for name in ("SPY", "FLAT", "COUNCIL", "CLAUDE")
    ]
    assert order == sorted(order)
    assert picture.count('stroke-width="3.2"') == 1


def test_the_foremost_line_is_solid_and_no_reference_has_a_marker() -> None:
    points = dict.fromkeys(("COUNCIL", "SPY"), POINTS)
    emphasis = Emphasis(("SPY",), "COUNCIL")
    layout = line_layout(points, ticks=(1, 2), tick_labels=("1", "2"), emphasis=emphasis)

    reference, foremost = line_parts(layout, ticks=(1, 2), tick_labels=("1", "2"), caption="")[-2:]

    assert 'stroke-dasharray="none"' in foremost
    assert "<circle" in foremost
    assert "<circle" not in reference
    assert 'stroke-dasharray="none"' not in reference


def test_nights_and_weekends_take_no_room_between_looks() -> None:
    hours = (0, 2, 24, 26, 120)
    looks = {"A": tuple((739_000.6 + hour / 24, 1.0, "STAY") for hour in hours)}

    placed, days = in_slots(looks)

    places = [place for place, _, _ in placed["A"]]
    assert places == [0, 1, 2, 3, 4]
    assert [place for place, _ in days] == [0, 2, 4]


def test_accounts_that_are_looked_at_minutes_apart_share_their_slot() -> None:
    minute = 1 / 1_440
    looks = {
        name: ((739_000.5 + late * minute, 1.0, "STAY"), (739_000.6 + late * minute, 1.0, "STAY"))
        for late, name in ((0, "A"), (6, "B"), (15, "C"))
    }

    placed, _ = in_slots(looks)

    assert {tuple(place for place, _, _ in own) for own in placed.values()} == {(0.0, 1.0)}


def test_a_days_label_that_would_touch_the_one_before_is_left_out() -> None:
    looks = {"A": tuple((739_000.5 + day, 1.0, "STAY") for day in range(40))}
    placed, days = in_slots(looks)
    layout = strip_layout(placed)

    parts = strip_parts(layout, caption="", days=days)

    shown = [part for part in parts if any(f">{label}<" in part for _, label in days)]
    lefts = [float(part.partition('x="')[2].partition('"')[0]) for part in shown]
    assert 2 < len(shown) < 40
    assert all(after - before > 60 for before, after in pairwise(lefts))


def test_a_single_look_is_drawn() -> None:
    picture = conviction_path({"A": [(NOON, 1.5, "EXIT")]})

    assert ">18 Nov<" in picture
    assert "NaN" not in picture
