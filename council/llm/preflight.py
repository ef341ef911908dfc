"""Who can be asked, from the gateway's own list: models that it lacks give way before any question.

A list that does not come costs nothing but the knowledge: everybody is asked as configured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.model_schema import ModelConfig
from config.schema import Config
from council.llm.catalog import GatewayCatalog
from council.llm.gateway import Gateway

PREFLIGHT_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Preflight:
    """The `catalog` (empty where it did not come) and what follows from it."""

    catalog: GatewayCatalog = field(default_factory=GatewayCatalog)
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By who is asked for, the models that the gateway lists, in the order of the configuration."""
    unserved: tuple[str, ...] = ()
    """Who is asked for without any listed model."""
    notices: tuple[str, ...] = ()
    """One sentence for each departure from the configuration."""


async def preflight(gateway: Gateway, config: Config) -> Preflight:
    """Ask `gateway` what it serves, once, and compare; never fails and never waits long."""
    catalog = await gateway.catalog(timeout_seconds=PREFLIGHT_SECONDS)
    if isinstance(catalog, GatewayCatalog):
        return compared(config, catalog)
    sentence = (
        f"{gateway.name} did not say which models it serves ({catalog.rstrip('.')}): all are asked "
        "as configured, and prices come from the configuration."
    )
    return Preflight(GatewayCatalog(gateway.name), notices=(sentence,))


def compared(config: Config, catalog: GatewayCatalog) -> Preflight:
    """Return who is asked for whom once the models that `catalog` lacks are passed over."""
    asked = {name: (own.model, *own.fallbacks) for name, own in asked_of(config).items()}
    listed = {
        name: tuple(model for model in models if catalog.lists(model))
        for name, models in asked.items()
    }
    served = {name: models for name, models in listed.items() if models}
    return Preflight(
        catalog,
        candidates=served,
        unserved=tuple(name for name in asked if name not in served),
        notices=_notices(asked, served, catalog.gateway),
    )


def asked_of(config: Config) -> dict[str, ModelConfig]:
    """Return the models of everybody who can be asked: accounts, and packs that are on."""
    packs = {f"research-{own.pack}": own for own in config.models.research if own.enabled}
    return {**config.models.accounts, **packs}


def _notices(
    asked: Mapping[str, tuple[str, ...]], served: Mapping[str, tuple[str, ...]], gateway: str
) -> tuple[str, ...]:
    """Return one sentence for each way in which models are replaced, naming all whom it touches."""
    touched: dict[tuple[tuple[str, ...], str | None], list[str]] = {}
    for name, models in asked.items():
        answering = served.get(name, (None,))[0]
        if answering != models[0]:
            gone = models[: models.index(answering)] if answering else models
            touched.setdefault((gone, answering), []).append(name)
    return tuple(
        _sentence(gateway, gone, answering, names) for (gone, answering), names in touched.items()
    )


def _sentence(gateway: str, gone: tuple[str, ...], answering: str | None, names: list[str]) -> str:
    missing, who = " or ".join(gone), " and ".join(names)
    if answering:
        return f"{gateway} does not list {missing}: {answering} answers for {who}."
    return f"{gateway} does not list {missing}: {who} will hardly be answered for."
