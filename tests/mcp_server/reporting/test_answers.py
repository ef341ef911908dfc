"""The sentences of a report: who led, what a stage is worth, what a rise of rates does."""

from dataclasses import replace

import pytest

from council.analytics.resampling import Estimate, NotEnoughWeeks
from council.analytics.stage_value import Stage, StageValue
from mcp_server.reporting.answers import answer, worth
from mcp_server.reporting.document import Table
from mcp_server.reporting.stages import stages_section
from mcp_server.reporting.words import bounds, duration
from tests.mcp_server.reporting.scenes import make_postmortem_material


def test_who_shares_the_lead_is_told_its_return_once() -> None:
    results = make_postmortem_material(1).results

    said = answer(results, {"CLAUDE": 0.01, "COUNCIL": 0.01, "GROQ": -0.01}, {"SPY": 0.02})

    assert said.startswith("CLAUDE and COUNCIL led with +1.00%, less than SPY (+2.00%); ")


UNSURE = Estimate(mean=50.0, low=-23.0, high=497.0, deviation=9.0, count=14)
SURE = Estimate(mean=-50.0, low=-70.0, high=-20.0, deviation=9.0, count=14)
FEW = NotEnoughWeeks(weeks=(), needed=8)


@pytest.mark.parametrize(
    ("review", "chairman", "said"),
    [
        (UNSURE, UNSURE, "not sure yet: review adds {0} and the chairman adds {0} {2}"),
        (UNSURE, SURE, "review adds {0} and the chairman costs $50 ({1}) {2}"),
        (UNSURE, FEW, "not sure yet: review adds {0} {2}; {3} the chairman is worth (0 of 8)"),
        (FEW, FEW, "{3} review and the chairman are worth (0 and 0 of 8)"),
    ],
)
def test_what_a_stage_is_worth_is_a_sentence_whatever_is_known(
    review: Estimate | NotEnoughWeeks, chairman: Estimate | NotEnoughWeeks, said: str
) -> None:
    values = [
        StageValue(stage, (), found, found)
        for stage, found in ((Stage.REVIEW, review), (Stage.CHAIRMAN, chairman))
    ]
    parts = ("a week (95 %, 14 weeks)", "not enough weeks to tell what")

    assert worth(values) == said.format(
        bounds(UNSURE, unit="usd"), bounds(SURE, unit="usd"), *parts
    )


@pytest.mark.parametrize(
    ("dv01_usd", "said"),
    [
        (0, "duration +2.0 years"),
        (96.4, "duration +2.0 years: a rise of rates by one basis point costs $96"),
        (-96.4, "duration +2.0 years: a rise of rates by one basis point brings $96"),
    ],
)
def test_what_a_rise_of_rates_does_is_said_where_it_does_anything(
    dv01_usd: float, said: str
) -> None:
    assert duration(2.0, dv01_usd) == said


@pytest.mark.parametrize(
    ("spread", "low", "needed"),
    [(9.0, 20.0, "8"), (9.0, -20.0, "15"), (900.0, -20.0, "over 520"), (200.0, -20.0, "62")],
)
def test_what_is_not_sure_yet_takes_more_weeks_than_there_are(
    spread: float, low: float, needed: str
) -> None:
    found = Estimate(mean=50.0, low=low, high=90.0, deviation=spread, count=14)
    results = make_postmortem_material(1).results
    values = (StageValue(Stage.REVIEW, (), found, found),)

    section = stages_section(replace(results, stages=values))

    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert dict(zip(table.columns, table.rows[0].cells, strict=True))["Weeks to tell"] == needed
