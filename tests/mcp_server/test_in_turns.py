import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from config.errors import UnreachableError
from council.events import Silence
from council.ports import Abstained, ResearchTask
from mcp_server.in_turns import in_turns
from tests.builders import WEEK_ID
from tests.council.llm.stub import question
from tests.fakes import make_deps


@dataclass
class Writer:
    """A provider, or models, that take a while and write down when they began and ended."""

    name: str
    log: list[str] = field(default_factory=list)
    turns_needed: int = 0
    outcome: Silence = "refused"

    async def research(self, task: ResearchTask) -> Abstained:
        return await self.ask(task)

    def model_for(self, asked_by: str) -> str:
        return "vendor/model"

    async def ask(self, asked: object) -> Abstained:
        self.log.append(f"{self.name} begins")
        for _ in range(self.turns_needed):
            await asyncio.sleep(0)
        self.log.append(f"{self.name} ends")
        return Abstained("vendor/model", "HTTP 503: down.", self.outcome)


TASK = cast("Any", type("Task", (), {"week_id": WEEK_ID}))


async def test_all_answer_one_after_the_other_in_the_order_they_are_asked() -> None:
    log: list[str] = []
    slow, quick, models = Writer("slow", log, 9), Writer("quick", log), Writer("models", log, 3)
    usual = replace(make_deps(), models=models, research={"A": (slow,), "B": (quick,)})

    deps = in_turns(usual)
    packs = (deps.research[pack][0].research(TASK) for pack in ("A", "B"))
    results = await asyncio.gather(*packs, deps.models.ask(question()))

    each = ("slow", "quick", "models")
    assert log == [f"{name} {does}" for name in each for does in ("begins", "ends")]
    assert all(isinstance(result, Abstained) for result in results)
    assert deps.research["B"][0].name == "quick"


@pytest.mark.parametrize(
    ("outcome", "mend"), [("unreachable", "Once it answers"), ("over_budget", "With more budget")]
)
async def test_a_model_that_cannot_be_asked_ends_the_simulation(
    outcome: Silence, mend: str
) -> None:
    away = Writer("away", outcome=outcome)
    deps = in_turns(replace(make_deps(), models=away, research={"A": (away,)}))

    said = rf"vendor/model gave no answer \(HTTP 503: down\). {mend}.* the same command goes on"
    with pytest.raises(UnreachableError, match=said):
        await deps.models.ask(question())
    with pytest.raises(UnreachableError, match=said):
        await deps.research["A"][0].research(TASK)


@pytest.mark.parametrize("outcome", ["invalid", "refused", "truncated", "timed_out"])
async def test_a_models_own_failure_is_an_abstention_like_in_any_week(outcome: Silence) -> None:
    deps = in_turns(replace(make_deps(), models=Writer("poor", outcome=outcome)))

    assert isinstance(await deps.models.ask(question()), Abstained)
