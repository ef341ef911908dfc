"""Who answers: the gateway's or the rehearsal models."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from config.schema import Config
from config.settings import Settings
from council.llm.gateway import open_gateway
from council.llm.journal import Journal
from council.llm.models import GatewayModels, open_models
from council.llm.preflight import Preflight, preflight
from mcp_server.wiring import App
from store.raw_answers import PostgresRawAnswers
from store.remembering import RememberingEventStore


@asynccontextmanager
async def opened_models(app: App, answers: Path | None = None) -> AsyncIterator[GatewayModels]:
    """Open one shared client for the mode in force and close it at the end.

    In live mode the gateway is asked first which models it serves. `answers` is the folder in which
    a simulation keeps what they answer.

    Raises:
        ConfigError: the gateway's address or key cannot be used.
    """
    settings, deps = app.settings, app.deps
    key = settings.requesty_api_key
    models = open_models(
        deps.config,
        mode=deps.mode,
        journal=_journal(app),
        clock=deps.clock,
        base_url=settings.requesty_base_url,
        api_key=key.get_secret_value() if key else "",
        answers=answers,
    )
    try:
        await models.look()
        yield models
    finally:
        await models.aclose()


def _journal(app: App) -> Journal:
    """Return the record of calls; with a policy in risk.yaml it keeps raw answers beside the log.

    A simulation keeps its answers in its own log, which is thrown away as a whole.
    """
    deps = app.deps
    if isinstance(deps.store, RememberingEventStore):
        return Journal(deps.store, deps.clock)
    keeps_apart = deps.config.risk.retention.raw_answers_days is not None
    apart = PostgresRawAnswers(app.pool)
    return Journal(deps.store, deps.clock, apart=apart, keeps_apart=keeps_apart)


async def gateway_preflight(settings: Settings, config: Config) -> Preflight:
    """Ask the gateway in force which models it serves, and nothing else.

    Raises:
        ConfigError: the gateway's address or key cannot be used.
    """
    key = settings.requesty_api_key
    gateway = open_gateway(
        settings.requesty_base_url,
        key.get_secret_value() if key else "",
        call_timeout_seconds=config.models.limits.call_timeout_seconds,
        dialects=config.models.gateways,
    )
    try:
        return await preflight(gateway, config)
    finally:
        await gateway.aclose()
