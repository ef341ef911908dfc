"""Simulations with the configured models, which a gateway on this machine stands for."""

from collections.abc import Iterator
from functools import partial

import pytest
from pydantic import SecretStr

from config.clock import VirtualClock
from config.ids import random_id
from config.settings import Settings
from council.llm import models
from mcp_server.in_turns import ModelsAway
from mcp_server.simulating import database_of
from tests.builders import NOW
from tests.conftest import drop_database, run_apart
from tests.mcp_server.simulations import fetched, make_plan, played
from tests.system.chat_gateway import ChatGateway, running_gateway

_SILENT = (
    "SELECT event_type FROM events WHERE event_type LIKE '%Abstained' OR event_type LIKE '%Failed'"
)


@pytest.fixture
def names(cluster_dsn: str) -> Iterator[list[str]]:
    """Return names of simulations, whose databases are dropped afterwards."""
    own = [f"live{random_id().hex[:12]}_{number}" for number in range(3)]
    yield own
    for name in own:
        for suffix in ("", "$saved", "$saved$new"):
            run_apart(partial(drop_database, cluster_dsn, f"{database_of(name)}{suffix}"))


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a gateway is waited for pass at once."""
    monkeypatch.setattr(models, "SystemClock", lambda: VirtualClock(NOW))


def live(settings: Settings, address: str) -> Settings:
    """Return settings with the models at `address`."""
    changes = {"requesty_api_key": SecretStr("test-key"), "requesty_base_url": address}
    return settings.model_copy(update={**changes, "council_mode": "auto"})


@pytest.mark.slow
async def test_a_gateway_that_goes_away_ends_the_simulation_until_it_answers_again(
    settings: Settings, names: list[str]
) -> None:
    gateway = ChatGateway()
    plan = make_plan(names[0], live=True)
    async with running_gateway(gateway) as address:
        gateway.on_call = partial(_refuse_after, gateway, 8)
        with pytest.raises(ModelsAway, match="the same command goes on"):
            await played(plan, live(settings, address))
        asked = len(gateway.calls)
        gateway.on_call = lambda number: None
        done = await played(plan, live(settings, address))

    assert await fetched(names[0], settings, _SILENT) == []
    assert done.summary.mode == "live"
    assert done.summary.postmortems == 1
    prompts = [(call.model, call.prompt) for call in gateway.calls if call.answered]
    assert asked > 8
    assert len(prompts) == len(set(prompts))


@pytest.mark.slow
async def test_a_repeat_with_kept_answers_asks_nobody_and_leaves_the_same_facts(
    settings: Settings, names: list[str]
) -> None:
    gateway = ChatGateway()
    async with running_gateway(gateway) as address:
        for name in names:
            await played(make_plan(name, live=True), live(settings, address))
            gateway.on_call = partial(_refuse_after, gateway, 0)

    assert all(call.answered for call in gateway.calls)
    second, third = [await fetched(name, settings) for name in names[1:]]
    assert second == third
    assert len(second) > 200


def _refuse_after(gateway: ChatGateway, answered: int, number: int) -> None:
    """Let every call after so many run into an error of the server."""
    if number > answered:
        raise RuntimeError(f"{gateway.calls[-1].model} is away")
