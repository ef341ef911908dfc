"""What was measured of the models, as shapes and as sentences: bias, drift, long silence. Pure."""

from collections.abc import Sequence

from council.analytics.biases import LIMIT
from council.analytics.model_drift import FEWEST_PAST_WEEKS, RECENT_WEEKS, drift_sentence
from council.context import WeekContext
from council.measure_facts import ModelDriftMeasured, ReviewBiasMeasured
from council.model.measures import ReviewBias
from mcp_server.shapes import BiasShape, DriftShape

NEEDED_PITCHES = FEWEST_PAST_WEEKS + RECENT_WEEKS


def bias_shapes(measured: ReviewBiasMeasured | None) -> tuple[BiasShape, ...]:
    """Show the bias of all reviews together, then of each reviewer; nothing where none is known."""
    if measured is None:
        return ()
    return tuple(BiasShape(**bias.model_dump()) for bias in (measured.pooled, *measured.reviewers))


def drift_shape(measured: ModelDriftMeasured) -> DriftShape:
    """Show one manager's drift."""
    directions, convictions = measured.directions, measured.convictions
    return DriftShape(
        account=measured.account,
        model=measured.model,
        pitches=measured.pitches,
        needed=NEEDED_PITCHES,
        direction_distance=directions.distance if directions else None,
        direction_p_value=directions.p_value if directions else None,
        conviction_distance=convictions.distance if convictions else None,
        conviction_p_value=convictions.p_value if convictions else None,
        alarm=measured.alarm,
        changes=measured.changes,
    )


def measure_sentences(context: WeekContext) -> tuple[str, ...]:
    """Return what a week's measures say, one sentence each."""
    bias, drifts = context.review_bias, context.drifts
    return (
        *((bias_sentence(bias.pooled),) if bias else ()),
        *((drift_line(drifts),) if drifts else ()),
    )


def bias_sentence(bias: ReviewBias) -> str:
    """Return both correlations with their number, and whether they are beyond the limit."""
    flagged = f"; beyond {LIMIT} for {' and '.join(bias.flagged)}" if bias.flagged else ""
    return (
        f"Scores against place on the ballot: r {_r(bias.position)}; against length: "
        f"r {_r(bias.length)} ({bias.reviews} reviews{flagged})."
    )


def drift_line(drifts: Sequence[ModelDriftMeasured]) -> str:
    """Return who drifts; or that nobody does, or that there are not enough weeks to tell."""
    alarms = [drift_sentence(drift) for drift in drifts if drift.alarm]
    if alarms:
        return " ".join(alarms)
    told = [drift for drift in drifts if drift.convictions is not None]
    if not told:
        most = max(drift.pitches for drift in drifts)
        return f"Drift of the models: not enough weeks yet ({most} of {NEEDED_PITCHES})."
    lacking = [drift.account for drift in drifts if drift.convictions is None]
    short = f"; not enough weeks for {', '.join(lacking)}" if lacking else ""
    return f"Drift of the models: no alarm for {len(told)} of {len(drifts)}{short}."


def _r(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.2f}"
