"""Which providers stand behind each research pack, by the keys that are set."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from config.loader import load_config
from config.model_schema import ResearchServices
from config.schema import Config
from config.settings import Settings, load_settings
from council.events import Mode
from council.llm.journal import Journal
from council.llm.models import open_models
from mcp_server.doctor_checks import research_services
from mcp_server.researchers import opened_chains
from mcp_server.standing import standing_of
from mcp_server.wiring import App
from tests.fakes import make_deps

CONFIG = load_config()
KEYS = {"perplexity_api_key": SecretStr("pplx-1"), "gemini_api_key": SecretStr("AIza-1")}
SONAR, DEEP = "perplexity/sonar-deep-research", "gemini/deep-research-preview-04-2026"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings without keys and without a database."""
    return load_settings({"COUNCIL_HOME": str(tmp_path)}, directory=tmp_path)


def live(settings: Settings, **keys: SecretStr) -> Settings:
    """Return settings with a gateway's key and `keys`."""
    return settings.model_copy(update={"requesty_api_key": SecretStr("gateway"), **keys})


async def names_of(
    settings: Settings, mode: Mode = "live", config: Config = CONFIG
) -> dict[str, list[str]]:
    """Return the names of each pack's providers."""
    deps = replace(make_deps(), config=config, mode=mode)
    app = App(settings, standing_of(settings, config), deps, cast("Any", None), "", "external")
    models = open_models(
        config,
        mode=mode,
        journal=Journal(deps.store, deps.clock),
        clock=deps.clock,
        base_url="http://127.0.0.1:9/v1",
        api_key="gateway",
    )
    async with opened_chains(app, models) as chains:
        found = {pack: [each.name for each in chain] for pack, chain in chains.items()}
    await models.aclose()
    return {pack: [name.partition(":")[0] for name in names] for pack, names in found.items()}


async def test_each_pack_has_its_own_service_and_ends_with_the_prompt(settings: Settings) -> None:
    names = await names_of(live(settings, **KEYS))

    assert names == {"A": [SONAR, "prompted"], "B": [DEEP, "prompted"]}


@pytest.mark.parametrize("missing", KEYS)
async def test_a_service_without_a_key_is_left_out(settings: Settings, missing: str) -> None:
    present = {name: key for name, key in KEYS.items() if name != missing}

    names = await names_of(live(settings, **present))

    assert sorted(map(len, names.values())) == [1, 2]


async def test_a_rehearsal_asks_no_service_whatever_keys_are_set(settings: Settings) -> None:
    rehearsed = settings.model_copy(update=KEYS)

    names = await names_of(rehearsed, "rehearsal")

    assert names == {"A": ["prompted"], "B": ["prompted"]}


async def test_a_service_that_no_pack_names_is_not_opened(settings: Settings) -> None:
    packs = tuple(pack.model_copy(update={"services": ()}) for pack in CONFIG.models.research)
    none = {"research": packs, "research_services": ResearchServices()}
    config = CONFIG.model_copy(update={"models": CONFIG.models.model_copy(update=none)})

    names = await names_of(live(settings, **KEYS), config=config)

    assert names == {"A": ["prompted"], "B": ["prompted"]}


def test_the_doctor_says_who_writes_each_pack_and_what_is_missing(settings: Settings) -> None:
    with_one = live(settings, perplexity_api_key=KEYS["perplexity_api_key"])

    first, second = research_services(with_one, CONFIG)

    assert (first.check, first.result) == ("research A", "ok")
    assert first.message.startswith("perplexity, then ")
    assert (second.check, second.result) == ("research B", "warn")
    assert second.mend == "Set GEMINI_API_KEY."
    assert not list(research_services(settings, CONFIG))
