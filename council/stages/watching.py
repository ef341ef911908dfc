"""Holds the week's pitches against the weeks before: who drifts, and who has long been silent.

It reads stored weeks of two years and asks nobody, so it costs nothing and a resumed week finds the
same.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from council.analytics.model_drift import drift_of, is_alarming
from council.analytics.silence import silent_managers
from council.codec import to_fact
from council.context import WeekContext
from council.events import PitchAbstained, PitchMade, WeekStarted
from council.fact import Fact
from council.measure_facts import ManagerFellSilent, ModelDriftMeasured
from council.ports import Deps
from council.templates import templates_hash
from store.events import Page

WEEKS_BACK: Final = 104
"""So many weeks are looked at: with a year and some silence between them all that drift takes."""
_TEMPLATES = ("system", "market", "shared", "schema", "pitch")
_REHEARSAL = "rehearsal/"

Row = Mapping[str, Any]


async def watch(
    context: WeekContext, answers: Sequence[PitchMade | PitchAbstained], deps: Deps
) -> tuple[ModelDriftMeasured | ManagerFellSilent, ...]:
    """Return one measure for each manager that pitched, and one fact for each long silence.

    `answers` are this week's PitchMade and PitchAbstained.
    """
    newest = Page(WEEKS_BACK * len(deps.config.managers), descending=True)
    stored = await deps.store.rows("pm_pitches", order_by=("week_id", "account_id"), page=newest)
    earlier = [row for row in reversed(stored) if row["week_id"] < context.week_id]
    rows = (*earlier, *(_row(fact) for fact in answers))
    last_week = await _facts_of(earlier[-1]["week_id"], deps) if earlier else ()
    drifts = [
        _drift(fact, rows, last_week, context) for fact in answers if isinstance(fact, PitchMade)
    ]
    names = [manager.nickname for manager in deps.config.managers]
    silences = [
        ManagerFellSilent(week_id=context.week_id, account=silence.account, silence=silence)
        for silence in silent_managers(rows, names)
    ]
    return (*drifts, *silences)


async def _facts_of(week_id: str, deps: Deps) -> tuple[Fact, ...]:
    return tuple(to_fact(event) for event in await deps.store.read_stream(f"week-{week_id}"))


def _row(fact: PitchMade | PitchAbstained) -> Row:
    """Return an answer of this week as its row in `pm_pitches` will be."""
    if isinstance(fact, PitchMade):
        pitch = fact.pitch
        return {
            "week_id": fact.week_id,
            "account_id": fact.account,
            "model": pitch.model,
            "status": fact.outcome,
            "direction": pitch.direction.value,
            "conviction": pitch.conviction,
        }
    return {
        "week_id": fact.week_id,
        "account_id": fact.account,
        "model": fact.model,
        "status": "abstained",
        "abstention": fact.reason,
    }


def _drift(
    made: PitchMade, rows: Sequence[Row], last_week: Sequence[Fact], context: WeekContext
) -> ModelDriftMeasured:
    """Measure one manager; rehearsal models and language models are not held against each other."""
    own = [
        row
        for row in rows
        if row["account_id"] == made.account
        and row["status"] != "abstained"
        and row["model"].startswith(_REHEARSAL) is made.pitch.model.startswith(_REHEARSAL)
    ]
    directions = drift_of([row["direction"] for row in own])
    convictions = drift_of([float(row["conviction"]) for row in own])
    return ModelDriftMeasured(
        week_id=context.week_id,
        account=made.account,
        model=made.pitch.model,
        pitches=len(own),
        directions=directions,
        convictions=convictions,
        alarm=is_alarming(directions, convictions),
        prompts_hash=templates_hash(*_TEMPLATES),
        changes=_changes(made, last_week, context),
    )


def _changes(made: PitchMade, last_week: Sequence[Fact], context: WeekContext) -> tuple[str, ...]:
    """Return what is new since the week before, as clauses; empty where that is unknown."""
    found = []
    for fact in last_week:
        if isinstance(fact, PitchMade) and fact.account == made.account:
            found.append(_change("model", fact.pitch.model, made.pitch.model))
        elif isinstance(fact, ModelDriftMeasured) and fact.account == made.account:
            now = templates_hash(*_TEMPLATES)
            found.append(_change("prompts", fact.prompts_hash[:8], now[:8]))
        elif isinstance(fact, WeekStarted) and context.started:
            hashes = fact.config_hash[:8], context.started.config_hash[:8]
            found.append(_change("configuration", *hashes))
    return tuple(change for change in found if change)


def _change(what: str, before: str, now: str) -> str | None:
    return None if before == now else f"{what}: {before} before, {now} now"
