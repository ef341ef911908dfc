"""Who answers: the gateway's or the rehearsal models, and the chains that write the packs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config.schema import Config
from council.llm.journal import Journal
from council.llm.models import GatewayModels, open_models
from council.model.research import PackName
from council.ports import Models, ResearchProvider
from council.research.prompted import PromptedResearch
from mcp_server.wiring import App


@asynccontextmanager
async def opened_models(app: App) -> AsyncIterator[GatewayModels]:
    """Open one shared client for the mode in force and close it at the end.

    Raises:
        ConfigError: the gateway's address or key cannot be used.
    """
    settings, deps = app.settings, app.deps
    key = settings.requesty_api_key
    models = open_models(
        deps.config,
        mode=deps.mode,
        journal=Journal(deps.store, deps.clock),
        clock=deps.clock,
        base_url=settings.requesty_base_url,
        api_key=key.get_secret_value() if key else "",
    )
    try:
        yield models
    finally:
        await models.aclose()


def research_chains(config: Config, models: Models) -> dict[PackName, tuple[ResearchProvider, ...]]:
    """Return, for each pack that is on, its providers in the order in which they are tried."""
    packs = [pack.pack for pack in config.models.research if pack.enabled]
    return {pack: (PromptedResearch(models, pack),) for pack in packs}
