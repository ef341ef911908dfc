"""What a person is told of the models: bias, drift, silence, wrong numbers, no name too early."""

from dataclasses import replace

import pytest

from council.codec import to_event
from council.context import WeekContext
from council.events import NoDecision, PitchAbstained
from council.llm.spending import Spending
from council.measure_facts import ModelDriftMeasured, ReviewBiasMeasured
from council.model.measures import Drift, ReviewBias
from mcp_server import operations
from mcp_server.doctor import examine
from mcp_server.measure_views import measure_sentences
from mcp_server.shapes import WeekShape
from mcp_server.views import week_shape
from mcp_server.wiring import App
from tests.builders import (
    CHAIRMAN,
    NOW,
    WEEK_ID,
    make_decision,
    make_pitch,
    make_review,
    make_snapshot,
)
from tests.mcp_server.conftest import OpenApp

BIAS = ReviewBias(reviewer=None, reviews=20, position=0.12, length=-0.35, flagged=("length",))
DRIFT = ModelDriftMeasured(
    week_id=WEEK_ID,
    account="ALPHA",
    model="vendor/m",
    pitches=3,
    directions=None,
    convictions=None,
    alarm=False,
    prompts_hash="0" * 64,
    changes=(),
)
FAR = Drift(distance=1.0, p_value=0.002)
CONTEXT = WeekContext(
    WEEK_ID,
    snapshot=make_snapshot(),
    pitches=(make_pitch(thesis_bullets=("SPY.close 90.00 is low.",)),),
    reviews=(make_review(),),
    review_bias=ReviewBiasMeasured(week_id=WEEK_ID, pooled=BIAS, reviewers=()),
    drifts=(DRIFT,),
)


def shown(context: WeekContext) -> WeekShape:
    return week_shape(context, (), outcomes={}, spending=Spending(), venue="simulated", mode="live")


def test_bias_and_drift_are_said_in_a_sentence_each() -> None:
    assert measure_sentences(CONTEXT) == (
        "Scores against place on the ballot: r +0.12; against length: r -0.35 "
        "(20 reviews; beyond 0.3 for length).",
        "Drift of the models: not enough weeks yet (3 of 12).",
    )
    assert shown(CONTEXT).review_bias[0].flagged == ("length",)


def test_a_drift_is_said_with_its_distance_and_what_else_is_new() -> None:
    alarm = DRIFT.model_copy(update={"convictions": FAR, "alarm": True})

    (_, told) = measure_sentences(replace(CONTEXT, drifts=(alarm, DRIFT)))

    assert told == (
        "ALPHA pitches unlike its own past: convictions differ by 1.00 (p 0.002), the last 4 "
        "weeks against those before; model, prompts and configuration are as before."
    )


def test_quiet_models_are_said_to_be_quiet() -> None:
    same = Drift(distance=0, p_value=1)
    quiet = DRIFT.model_copy(update={"directions": same, "convictions": same})

    (_, told) = measure_sentences(replace(CONTEXT, drifts=(quiet, DRIFT)))

    assert told == "Drift of the models: no alarm for 1 of 2; not enough weeks for ALPHA."


def test_a_number_that_the_table_does_not_bear_out_is_shown_with_its_pitch() -> None:
    (pitch,) = shown(CONTEXT).pitches

    assert "SPY.close is cited as 90.00, the market table has 100.25" in pitch.number_flags


def test_the_author_of_a_label_is_shown_once_the_chairman_is_done() -> None:
    nothing = NoDecision(week_id=WEEK_ID, account=CHAIRMAN, reason="it is silent")

    before = shown(CONTEXT)
    after = [
        shown(replace(CONTEXT, decision=make_decision())),
        shown(replace(CONTEXT, no_decision=nothing)),
    ]

    assert before.scores[0].author is None
    assert [week.scores[0].author for week in after] == ["ALPHA", "ALPHA"]


async def plant_two_silent_weeks(app: App) -> None:
    manager = app.deps.config.managers[0].nickname
    for week_id in ("2026-11-04", "2026-11-11"):
        fact = PitchAbstained(week_id=week_id, account=manager, model="m", reason="HTTP 404")
        await app.deps.store.append(fact.stream, [to_event(fact, at=NOW)])


@pytest.mark.usefixtures("environment")
async def test_two_silent_weeks_are_told_by_status_and_doctor(open_app: OpenApp) -> None:
    async with open_app() as app:
        await plant_two_silent_weeks(app)

        status = await operations.status(app)
    found = await examine()

    told = "has given no pitch for 2 weeks, since 2026-11-04 (HTTP 404): look at its model"
    assert [sentence for sentence in status.degraded if told in sentence]
    (silence,) = (check for check in found.checks if check.check == "silence")
    assert silence.result == "warn"
    assert told in silence.message
    (drift,) = (check for check in found.checks if check.check == "drift of models")
    assert (drift.result, drift.message) == ("ok", "no week has been measured")
