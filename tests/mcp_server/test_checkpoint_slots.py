"""Which checkpoints of the day may be taken: those whose time has come in New York."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.clock import VirtualClock
from config.errors import UsageError
from config.market_calendar import xnys
from config.settings import Settings
from mcp_server import checkpointing
from mcp_server.wiring import Terms, opened_store

NOON_AT = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize("slot", ["14:00", "15:50"])
async def test_a_checkpoint_is_not_taken_before_its_hour(slot: str, settings: Settings) -> None:
    async with opened_store(settings, Terms(clock=VirtualClock(NOON_AT))) as opened:
        app = replace(opened, deps=replace(opened.deps, calendar=xnys()))

        with pytest.raises(UsageError, match=f"{slot} has not come: it is 12:00 in New York"):
            await checkpointing.checkpoint(app, slot)


@pytest.mark.parametrize(("slot", "taken"), [("12:00", 1), ("09:00", 1), (None, 2)])
async def test_a_checkpoint_is_taken_from_its_minute_on(
    slot: str | None, taken: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots: list[str] = []

    async def noted(_week_id: str, _deps: object, *, slot: str) -> None:
        slots.append(slot)

    monkeypatch.setattr(checkpointing, "run_checkpoint", noted)
    async with opened_store(settings, Terms(clock=VirtualClock(NOON_AT))) as opened:
        app = replace(opened, deps=replace(opened.deps, calendar=xnys()))

        await checkpointing.checkpoint(app, slot)

    assert len(slots) == taken


async def test_no_further_checkpoint_is_taken_once_they_are_taken_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots: list[str] = []

    async def noted(_week_id: str, _deps: object, *, slot: str) -> None:
        slots.append(slot)

    async def until_the_first() -> bool:
        return not slots

    monkeypatch.setattr(checkpointing, "run_checkpoint", noted)
    async with opened_store(settings, Terms(clock=VirtualClock(NOON_AT))) as opened:
        deps = replace(opened.deps, calendar=xnys(), still_wanted=until_the_first)

        await checkpointing.take_checkpoints(replace(opened, deps=deps), ("09:00", "12:00"))

    assert slots == ["09:00"]
