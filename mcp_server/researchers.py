"""Who writes the research packs: the services whose keys are set, then a model by prompt alone."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from pydantic import SecretStr

from config.errors import ConfigError
from config.model_schema import ResearchPackConfig, ResearchServices
from council.llm.models import GatewayModels
from council.model.research import PackName
from council.ports import Deps, ResearchProvider
from council.research.deep import DeepResearch
from council.research.gemini import Gemini, open_gemini
from council.research.jobs import Jobs
from council.research.perplexity import Perplexity, open_perplexity
from council.research.prompted import PromptedResearch
from council.research.service import ResearchService
from mcp_server.wiring import App

Chains = dict[PackName, tuple[ResearchProvider, ...]]


@asynccontextmanager
async def opened_chains(app: App, models: GatewayModels) -> AsyncIterator[Chains]:
    """Yield, for each pack that is on, its providers in the order in which they are tried.

    Rehearsals ask no service: what costs money or goes out belongs to live weeks.

    Raises:
        ConfigError: the key of a service may not be sent to its configured address.
    """
    packs = [pack for pack in app.deps.config.models.research if pack.enabled]
    wanted = dict.fromkeys(name for pack in packs for name in pack.services)
    async with AsyncExitStack() as stack:
        services: dict[str, ResearchService] = {}
        for name, key in app.settings.research_keys.items():
            if name in wanted:
                service = _opened(name, key, app.deps.config.models.research_services)
                services[name] = await stack.enter_async_context(aclosing(service))
        yield {pack.pack: _chain(pack, services, models, app.deps) for pack in packs}


def _opened(name: str, secret: SecretStr, services: ResearchServices) -> Perplexity | Gemini:
    key = secret.get_secret_value().strip()
    if name == "perplexity" and services.perplexity:
        return open_perplexity(services.perplexity, key)
    if name == "gemini" and services.gemini:
        return open_gemini(services.gemini, key)
    raise ConfigError(f"models.yaml has no research_services.{name}: add it.")


def _chain(
    pack: ResearchPackConfig,
    services: Mapping[str, ResearchService],
    models: GatewayModels,
    deps: Deps,
) -> tuple[ResearchProvider, ...]:
    jobs = Jobs(deps.store, deps.clock)
    deep = [
        DeepResearch(services[name], models, jobs, deps.clock, models.budget)
        for name in pack.services
        if name in services
    ]
    return (*deep, PromptedResearch(models, pack.pack))
