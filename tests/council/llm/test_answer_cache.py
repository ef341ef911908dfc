"""Answers kept by prompt: counted at the wire, read back from the record."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from config.clock import VirtualClock
from config.errors import ConfigError
from config.model_schema import BudgetConfig
from config.schema import Config
from council.codec import to_fact
from council.events import ModelCalled
from council.llm import models
from council.llm.journal import Journal
from council.llm.models import GatewayModels, open_models
from council.llm.spending import spending_of
from council.ports import Abstained, Answered
from store.memory import MemoryEventStore
from tests.builders import NOW, WEEK_ID, make_config
from tests.council.llm.stub import ScriptedGateway, completion, failure, make_store, question


def simulated(
    script: ScriptedGateway,
    answers: Path,
    *,
    store: MemoryEventStore | None = None,
    config: Config | None = None,
    clock: VirtualClock | None = None,
) -> GatewayModels:
    """Return live models as a simulation opens them, with a record of its own."""
    clock = clock or VirtualClock(NOW)
    return open_models(
        config or make_config(),
        mode="live",
        journal=Journal(store if store is not None else make_store(), clock),
        clock=clock,
        base_url="https://gateway.invalid/v1",
        api_key="secret-key",
        transport=script.transport,
        answers=answers,
    )


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    """Let the machine's own time pass at once."""
    clock = VirtualClock(NOW)
    monkeypatch.setattr(models, "SystemClock", lambda: clock)
    return clock


def kept_in(folder: Path) -> list[Path]:
    """Return the files of all answers that were kept."""
    return list(folder.rglob("*.json"))


async def calls_in(store: MemoryEventStore) -> list[ModelCalled]:
    events = await store.read_stream(f"llm-{WEEK_ID}")
    return [fact for event in events if isinstance(fact := to_fact(event), ModelCalled)]


async def test_a_second_simulation_gets_the_same_answer_and_asks_nobody(tmp_path: Path) -> None:
    script = ScriptedGateway(completion())

    first = await simulated(script, tmp_path).ask(question())
    second = await simulated(script, tmp_path).ask(question())

    assert isinstance(first, Answered)
    assert second == first
    assert len(script.requests) == 1


async def test_a_kept_answer_is_on_record_as_one_that_cost_nothing(tmp_path: Path) -> None:
    script, store = ScriptedGateway(completion()), make_store()
    await simulated(script, tmp_path).ask(question())

    await simulated(script, tmp_path, store=store).ask(question())

    (call,) = await calls_in(store)
    assert (call.outcome, call.cost_source, call.cost_usd) == (
        "answered",
        "cache",
        Decimal(0),
    )
    assert (call.served_model, call.prompt_tokens, call.latency_seconds) == ("vendor/served", 11, 0)
    assert spending_of([call]).cost_usd == Decimal(0)


@pytest.mark.parametrize(
    "failed",
    [
        failure(503, "down"),
        failure(400, "no such thing"),
        httpx2.ConnectError("gone"),
        completion(finish="content_filter"),
        completion("  "),
    ],
    ids=["unreachable", "refused", "broken off", "filtered", "empty"],
)
async def test_a_failure_is_never_kept(failed: httpx2.Response, tmp_path: Path) -> None:
    await simulated(ScriptedGateway(failed), tmp_path).ask(question())

    assert kept_in(tmp_path) == []


async def test_an_invalid_answer_and_its_repair_are_both_kept(tmp_path: Path) -> None:
    script = ScriptedGateway(completion("no json"), completion())
    first = await simulated(script, tmp_path).ask(question())

    again = await simulated(script, tmp_path).ask(question())

    assert isinstance(first, Answered)
    assert first.outcome == "repaired"
    assert again == first
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    "changes",
    [{"system": "other"}, {"shared": "other"}, {"own": "other"}, {"asked_by": "BRAVO"}],
    ids=["system", "shared", "own", "model"],
)
async def test_another_prompt_or_model_is_another_question(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    script = ScriptedGateway(completion())
    await simulated(script, tmp_path).ask(question())

    await simulated(script, tmp_path).ask(replace(question(), **changes))

    assert len(script.requests) == 2


async def test_a_damaged_file_is_asked_for_again_and_mended(tmp_path: Path) -> None:
    script = ScriptedGateway(completion())
    await simulated(script, tmp_path).ask(question())
    (kept,) = kept_in(tmp_path)
    kept.write_text(kept.read_text()[:40])

    await simulated(script, tmp_path).ask(question())
    await simulated(script, tmp_path).ask(question())

    assert len(script.requests) == 2


async def test_kept_answers_are_their_owners_alone(tmp_path: Path) -> None:
    await simulated(ScriptedGateway(completion()), tmp_path / "answers").ask(question())

    (kept,) = kept_in(tmp_path)
    assert kept.stat().st_mode & 0o077 == 0
    assert kept.parent.stat().st_mode & 0o077 == 0


async def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("a file, where a folder is wanted")

    with pytest.raises(ConfigError, match="answers of the models cannot be kept"):
        await simulated(ScriptedGateway(completion()), tmp_path / "answers").ask(question())


async def test_what_is_kept_needs_no_room_in_the_budget(tmp_path: Path) -> None:
    await simulated(ScriptedGateway(completion()), tmp_path).ask(question())
    poor = _capped(week_usd=Decimal("0.000001"))

    kept = await simulated(ScriptedGateway(failure(500, "x")), tmp_path, config=poor).ask(
        question()
    )

    assert isinstance(kept, Answered)


async def test_a_gateway_that_asks_to_wait_is_waited_for_while_no_simulated_time_passes(
    tmp_path: Path, machine: VirtualClock
) -> None:
    simulated_clock = VirtualClock(NOW)
    busy = httpx2.Response(429, headers={"retry-after": "7"}, json={"error": {"message": "slow"}})
    script = ScriptedGateway(busy, completion())

    answer = await simulated(script, tmp_path, clock=simulated_clock).ask(question())

    assert isinstance(answer, Answered)
    assert machine.now() == NOW + timedelta(seconds=7)
    assert simulated_clock.now() == NOW


async def test_a_simulation_begun_again_does_not_get_past_its_budget(tmp_path: Path) -> None:
    script = ScriptedGateway(completion(usage={"cost": 0.2}))
    config = _capped(month_usd=Decimal("0.3"))  # room for one answer, not for two
    await simulated(script, tmp_path, config=config).ask(question())

    again = simulated(script, tmp_path, config=config)
    kept, next_one = await again.ask(question()), await again.ask(question(own="another"))

    assert isinstance(kept, Answered)
    assert isinstance(next_one, Abstained)
    assert next_one.outcome == "over_budget"


async def test_all_months_of_a_simulation_share_the_budget_of_one(tmp_path: Path) -> None:
    store, clock = make_store(), VirtualClock(NOW)
    config = _capped(month_usd=Decimal("0.3"))
    script = ScriptedGateway(completion(usage={"cost": 0.2}))
    models = simulated(script, tmp_path, store=store, config=config, clock=clock)
    await models.ask(question())

    clock.advance_to(NOW.replace(year=NOW.year + 1))
    later = await models.ask(question(own="a year later"))

    assert isinstance(later, Abstained)
    assert later.outcome == "over_budget"
    assert "simulation" in later.reason


def _capped(**caps: Decimal) -> Config:
    config = make_config()
    models = config.models.model_copy(update={"budget": BudgetConfig(**caps)})
    return config.model_copy(update={"models": models})
