"""Results in a terminal and as a model reads them: what fits, what is cut, what cannot steer."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from rich.console import Console

from council.model.postmortem import Claim
from mcp_server.output import plain_console
from mcp_server.rendering.results import show_leaderboard, show_postmortem
from mcp_server.reporting.material import PostmortemMaterial
from mcp_server.result_shapes import PostmortemShape
from mcp_server.result_views import leaderboard_shape, postmortem_shape
from mcp_server.tokens import token_counter
from mcp_server.tools.outcome_lines import MOST_EVIDENCE
from mcp_server.tools.outcomes import MOST_LESSONS, leaderboard_answer, postmortem_answer
from mcp_server.tools.results import as_text
from tests.mcp_server.reporting.scenes import (
    abstained,
    hostile,
    make_leaderboard_material,
    make_postmortem_material,
    unmarked,
)

ENDS_AT = datetime(2026, 11, 24, 21, tzinfo=UTC)
MOST_TOKENS = 8_000
SCENES = (make_postmortem_material, abstained, unmarked, hostile)


def shape_of(material: PostmortemMaterial) -> PostmortemShape:
    return postmortem_shape(material, ends_at=ENDS_AT)


def console_of(width: int) -> Console:
    console = plain_console()
    console.file, console.width = io.StringIO(), width
    return console


def drawn(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("scene", SCENES)
def test_a_postmortem_fits_the_terminal_and_cannot_steer_it(scene: object, width: int) -> None:
    console = console_of(width)

    show_postmortem(console, shape_of(scene()))  # type: ignore[operator]  # every scene is one
    text = drawn(console)

    assert max(len(line) for line in text.splitlines()) <= width
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


@pytest.mark.parametrize("weeks", [1, 30])
def test_at_80_columns_no_line_of_the_leaderboard_is_broken(weeks: int) -> None:
    console = console_of(80)

    show_leaderboard(console, leaderboard_shape(make_leaderboard_material(weeks)))
    lines = drawn(console).splitlines()

    (head,) = [line for line in lines if "Sharpe ± s.e." in line]
    rows = [line for line in lines if line.startswith(tuple(f" {n} " for n in range(1, 10)))]
    assert "panic exits" in head
    assert len(rows) == 9
    assert all("%" in row for row in rows)
    assert [line for line in lines if line.startswith("COUNCIL: P/L ") and "turnover" in line]


def test_numbers_of_few_weeks_are_no_verdict() -> None:
    console = console_of(80)

    show_leaderboard(console, leaderboard_shape(make_leaderboard_material(1)))
    answer = leaderboard_answer(leaderboard_shape(make_leaderboard_material(1)))

    assert drawn(console).count("not enough weeks: ") >= 6
    assert all(line.said.startswith("not enough weeks") for line in answer.stages)
    assert all(line.mean_usd is None for line in answer.stages)


def test_a_stage_says_adds_or_costs_only_where_its_interval_leaves_out_zero() -> None:
    shape = leaderboard_shape(make_leaderboard_material(30))
    value = next(stage for stage in shape.stages if stage.stage == "review")

    said = {
        leaderboard_answer(shape.model_copy(update={"stages": (changed,)})).stages[0].said
        for changed in (
            value,
            value.model_copy(update={"certain": True, "mean_usd": 3.0}),
            value.model_copy(update={"certain": True, "mean_usd": -3.0}),
        )
    }

    assert not value.certain
    assert said == {"uncertain", "adds", "costs"}


def test_no_text_is_told_apart_from_no_numbers() -> None:
    answer = postmortem_answer(shape_of(abstained()))

    assert answer.state == "abstained"
    assert "No valid text came with the numbers: “no valid answer came after 3" in answer.summary
    assert answer.accounts
    assert answer.claims == ()


@pytest.mark.parametrize("scene", SCENES)
def test_every_postmortem_fits_a_model_and_keeps_its_marks(scene: object) -> None:
    text = as_text(postmortem_answer(shape_of(scene())))  # type: ignore[operator]  # as above

    assert token_counter()(text) < MOST_TOKENS
    assert "\u202e" not in text


def test_what_is_longer_than_usual_is_cut_and_said() -> None:
    material = make_postmortem_material()
    text = material.postmortem
    assert text is not None
    ids = tuple(UUID(int=number) for number in range(1, 31))
    claims = tuple(Claim(text=f"{number} {'word ' * 54}", evidence=ids) for number in range(12))
    own = material.lessons[0]
    lessons = tuple(replace(own, lesson_id=UUID(int=n), text="Long. " * 46) for n in range(30))  # type: ignore[type-var]  # the scene's lessons are dataclasses
    notices = tuple(f"Account {number} was not marked. {'why ' * 40}" for number in range(40))
    numbers = material.numbers.model_copy(update={"notices": notices})
    long = replace(
        material,
        postmortem=text.model_copy(update={"claims": claims}),
        lessons=lessons,
        numbers=numbers,
    )

    answer = postmortem_answer(shape_of(long))

    assert token_counter()(as_text(answer)) < MOST_TOKENS
    assert len(answer.claims) == 12
    assert answer.claims[0].evidence[-1] == f"and {30 - MOST_EVIDENCE} more"
    assert len(answer.lessons) == MOST_LESSONS
    assert answer.notices[0].startswith("Only 8 of 30 lessons are shown")
    assert answer.notices[-1] == "and 31 more"


def test_what_paper_leaves_out_stands_apart_and_is_in_no_number() -> None:
    console = console_of(80)
    shape = shape_of(make_postmortem_material(1))

    show_postmortem(console, shape)

    council = next(own for own in shape.accounts if own.account == "COUNCIL")
    assert council.dividends_usd == 42.0
    said = " ".join(drawn(console).split())
    assert "estimated and in no number above" in said
    assert "COUNCIL dividends +$42, borrow $5.35" in said


def test_a_lesson_says_whether_the_week_wrote_or_confirmed_it_or_left_it_in_force() -> None:
    material = make_postmortem_material()
    text = material.postmortem
    assert text is not None
    silent = replace(material, postmortem=text.model_copy(update={"confirmed": ()}))

    shown = {lesson.said for lesson in shape_of(material).lessons}
    left = {lesson.said for lesson in shape_of(silent).lessons}

    assert (shown, left) == ({"confirmed", "new"}, {"earlier", "new"})
