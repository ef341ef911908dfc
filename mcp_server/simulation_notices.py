"""What is to be said of a simulation with language models: what they may remember, what is kept."""

from dataclasses import replace

from council.llm.preflight import asked_of
from council.llm.training import training_notices
from council.simulate import SimulationPlan
from mcp_server.wiring import App

_ANSWERS_KEPT = (
    "What models answer is kept by prompt: the same question costs nothing again and gets the same "
    "answer, which the record tells by its cost source, cache."
)


def warned(app: App, plan: SimulationPlan) -> App:
    """Return `app` with these sentences among what its weeks and results say of themselves."""
    if not plan.live:
        return app
    deps = app.deps
    models = [deps.models.model_for(name) for name in asked_of(deps.config)]
    until = deps.config.models.training_until
    sentences = (*training_notices(models, plan.first_week, until), _ANSWERS_KEPT)
    degraded = (*app.standing.degraded, *sentences)
    return replace(
        app,
        standing=replace(app.standing, degraded=degraded),
        deps=replace(deps, degraded=degraded),
    )
