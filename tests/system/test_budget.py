"""Caps in whole weeks, against a gateway that asks for money: what stops can go on later."""

import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from tests.system.chat_gateway import ChatGateway, running_gateway
from tests.system.command import council, gateway_environment

PER_CALL_USD = 0.01


def capped(folder: Path, stage_usd: str, week_usd: str) -> str:
    """Write the shipped configuration with other caps into `folder`, and return its path."""
    target = folder / "configuration"
    target.mkdir(exist_ok=True)
    for name in ("accounts", "assets", "models", "schedule", "risk"):
        shutil.copy(str(files("config") / f"{name}.yaml"), target)
    models = target / "models.yaml"
    text = models.read_text()
    text = text.replace("stage_usd: 1 ", f"stage_usd: {stage_usd} ")
    models.write_text(text.replace("week_usd: 10\n", f"week_usd: {week_usd}\n"))
    return str(target)


@pytest.mark.slow
async def test_a_stage_without_room_for_all_goes_on_with_a_quorum(
    database_dsn: str, tmp_path: Path
) -> None:
    gateway = ChatGateway(1, cost_usd=PER_CALL_USD)  # all five are under way at once

    async with running_gateway(gateway) as address:
        environment = gateway_environment(database_dsn, tmp_path, address)
        environment["COUNCIL_CONFIG"] = capped(tmp_path, "0.55", "10")
        week = (await council("run-weekly", "--json", environment=environment)).document()
        costs = (await council("costs", "--json", environment=environment)).document()

    statuses = [pitch["status"] for pitch in week["pitches"]]
    assert 3 <= statuses.count("valid") < 5
    assert statuses.count("valid") + statuses.count("abstained") == 5
    assert week["decision"] is not None
    assert week["cost_usd"] == pytest.approx(len(gateway.calls) * PER_CALL_USD)
    assert costs["total"]["known_usd"] == pytest.approx(week["cost_usd"])


@pytest.mark.slow
async def test_a_spent_week_stores_nothing_more_and_goes_on_when_its_cap_is_raised(
    database_dsn: str, tmp_path: Path
) -> None:
    gateway = ChatGateway(cost_usd=PER_CALL_USD)

    async with running_gateway(gateway) as address:
        environment = gateway_environment(database_dsn, tmp_path, address)
        environment["COUNCIL_CONFIG"] = capped(tmp_path, "1", "0.02")
        stopped = await council("run-weekly", "--json", environment=environment)
        asked = len(gateway.calls)
        capped(tmp_path, "1", "10")
        week = (await council("run-weekly", "--json", environment=environment)).document()

    assert stopped.code == 4
    assert "No model was asked (" in stopped.stderr
    assert "for week" in stopped.stderr
    assert "raise the cap in models.yaml" in stopped.stderr
    assert asked <= 2
    assert (len(week["trades"]), len(gateway.calls)) == (6, 13)
