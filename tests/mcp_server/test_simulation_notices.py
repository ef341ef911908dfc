from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from config.settings import Settings
from council.ports import Deps
from council.simulate import SimulationPlan
from mcp_server.simulation_notices import warned
from mcp_server.wiring import App, Terms, opened_store

PLAN = SimulationPlan(name="s", first_week=date(2023, 1, 4), weeks=3)


@dataclass(frozen=True)
class _Served:
    """Models of which the gateway serves one for everybody."""

    model: str

    def model_for(self, asked_by: str) -> str:
        return self.model


async def opened(settings: Settings, model: str, plan: SimulationPlan) -> App:
    async with opened_store(settings, Terms()) as app:
        models: Any = _Served(model)
        deps: Deps = replace(app.deps, models=models)
        return warned(replace(app, deps=deps), plan)


async def test_live_weeks_inside_a_training_are_warned_of_where_people_and_facts_look(
    settings: Settings,
) -> None:
    app = await opened(settings, "openai/gpt-5.2", replace(PLAN, live=True))

    training, kept = app.standing.degraded[-2:]
    assert training.startswith("Weeks up to 2025-08-31 lie inside the training of openai/gpt-5.2")
    assert "kept by prompt" in kept
    assert app.deps.degraded == app.standing.degraded


async def test_a_rehearsal_needs_no_warning(settings: Settings) -> None:
    app = await opened(settings, "rehearsal/trend", PLAN)

    assert not [told for told in app.standing.degraded if "training" in told or "kept" in told]
