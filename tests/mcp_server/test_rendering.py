import io
from decimal import Decimal

import pytest

from council.context import WeekContext
from council.llm.spending import Spending
from mcp_server.output import plain_console
from mcp_server.rendering.week import show_week
from mcp_server.shapes import WeekShape
from mcp_server.views import week_shape
from tests.builders import make_decision, make_pack, make_pitch, make_review

HOSTILE = "[red]up[/blue] \x1b[2J\x1b]0;owned\x07 100 % of [link=https://evil.example]SPY[/link]"


def hostile_week() -> WeekShape:
    context = WeekContext(
        "2026-11-18",
        packs=(make_pack("A"),),
        pitches=(make_pitch("ALPHA", thesis_bullets=(HOSTILE,)),),
        reviews=(make_review("BRAVO", "ALPHA", best_argument_against=HOSTILE),),
        decision=make_decision(rationale=HOSTILE),
    )
    spending = Spending(calls=3, known_usd=Decimal("0.5"), unknown=2)
    return week_shape(
        context, (), outcomes={}, spending=spending, venue="simulated", mode="rehearsal"
    )


def drawn(width: int) -> str:
    console = plain_console()
    console.file, console.width = io.StringIO(), width
    show_week(console, hostile_week())
    text: str = console.file.getvalue()
    return text


@pytest.mark.parametrize("width", [80, 120])
def test_what_a_model_wrote_is_shown_as_it_is_and_cannot_steer_the_terminal(width: int) -> None:
    text = drawn(width)

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]up[/blue]" in text
    assert max(len(line) for line in text.splitlines()) <= width


def test_models_and_venue_stand_in_the_first_line() -> None:
    first = drawn(80).splitlines()[0]

    assert "rehearsal models" in first
    assert "venue simulated" in first


def test_a_cost_that_is_known_in_part_is_shown_as_the_least() -> None:
    assert "cost 0.5000 USD or more: the cost of 2 is unknown." in " ".join(drawn(80).split())


def test_the_structure_for_programs_is_free_of_control_characters_too() -> None:
    assert "\\u001b" not in hostile_week().model_dump_json()
