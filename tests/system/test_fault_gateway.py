"""Every fault of a gateway at every stage: the week ends, and no failure becomes an opinion.

The gateway is another process; the other stages' models are fakes, so that a stage stands alone.
"""

import copy
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from config.schema import Config
from council.checkpoints import run_checkpoint
from council.codec import to_fact
from council.context import WeekContext
from council.errors import ModelsUnreachable
from council.events import (
    CheckpointAbstained,
    CheckpointTaken,
    DecisionReached,
    PitchAbstained,
    PitchMade,
    ReviewAbstained,
    ReviewMade,
)
from council.fact import Fact
from council.llm.journal import Journal
from council.llm.models import GatewayModels, open_models
from council.pipeline import STAGES, load_week, run_week
from council.ports import Deps, Models, Question
from council.projections import project
from council.research.prompted import PromptedResearch
from store.memory import MemoryEventStore
from tests.builders import CHAIRMAN, MANAGERS, WEEK_ID, make_config
from tests.council.stages.test_checkpoint import SLOT, move_price, open_week
from tests.fakes import FakeModels, make_deps
from tests.system.fault_gateway import FAULTS

ATTEMPTS = 2
OUTCOMES = {
    "ok": ("valid", 1),
    "fenced": ("valid", 1),
    "wrongtype": ("invalid", 2),
    "wrongtype_once": ("repaired", 2),
    "truncated": ("truncated", 2),
    "refusal": ("refused", 1),
    "contentfilter": ("refused", 1),
    "tool": ("valid", 1),
    "empty": ("invalid", 2),
    "null": ("invalid", 2),
    "nochoices": ("unreachable", ATTEMPTS),
    "nullchoices": ("unreachable", ATTEMPTS),
    "err200": ("unreachable", ATTEMPTS),
    "html": ("unreachable", ATTEMPTS),
    "badjson": ("unreachable", ATTEMPTS),
    "keepalive": ("valid", 1),
    "429": ("valid", 2),
    "429forever": ("unreachable", ATTEMPTS),
    "500once": ("valid", 2),
    "529": ("unreachable", ATTEMPTS),
    "402": ("unreachable", 1),
    "412": ("unreachable", 1),
    "424": ("unreachable", ATTEMPTS),
    "404": ("unreachable", 1),
    "400schema": ("valid", 2),
    "slow": ("timed_out", ATTEMPTS),
    "drop": ("unreachable", ATTEMPTS),
    "trickle": ("timed_out", ATTEMPTS),
    "reasoning": ("valid", 1),
    "nousage": ("valid", 1),
    "nan": ("invalid", 2),
    "infinite": ("invalid", 2),
    "two": ("invalid", 2),
    "deep": ("invalid", 2),
    "giant": ("invalid", 2),
    "nul": ("valid", 1),
}
"""By fault: what becomes of the model's answer, and how many calls it takes to know."""
ANSWERED = frozenset({"valid", "repaired"})
LATE = frozenset({"slow", "trickle"})
HEAVY = frozenset({"giant"})
DEFAULT = frozenset({"wrongtype", "529"})
"""The faults that every stage meets in the default suite; the chairman meets nearly all."""
_runs = count(1)
_stores: dict[str, MemoryEventStore] = {}
"""By stage, what fakes stored before it; every test takes a copy."""


class StageModels:
    """Models of which one stage asks a gateway and all others are fakes."""

    def __init__(self, live: GatewayModels, stage: str) -> None:
        self._live = live
        self._fake = FakeModels()
        self._stage = stage

    async def ask(self, question: Question[Any]) -> Any:
        asked: Models = self._live if question.stage == self._stage else self._fake
        return await asked.ask(question)

    def model_for(self, asked_by: str) -> str:
        return self._live.model_for(asked_by)


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    with subprocess.Popen(
        (sys.executable, "-m", "tests.system.fault_gateway"), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@asynccontextmanager
async def wired(
    deps: Deps, gateway: str, stage: str, *, fault: str, broken: int
) -> AsyncIterator[Deps]:
    """Let `stage` of `deps` ask the gateway, where `fault` strikes `broken` models."""
    models = open_models(
        deps.config,
        mode="live",
        journal=Journal(deps.store, deps.clock),
        clock=deps.clock,
        base_url=f"{gateway}/{fault}/{broken}/{next(_runs)}/v1",
        api_key="test-key",
    )
    split = StageModels(models, stage)
    fields = {name: getattr(deps, name) for name in Deps.__dataclass_fields__}
    if stage == "research":
        fields["research"] = {pack: (PromptedResearch(split, pack),) for pack in ("A", "B")}
    try:
        yield Deps(**{**fields, "models": split})
    finally:
        await models.aclose()


def config_for(fault: str) -> Config:
    return make_config(call_timeout_seconds=0.5 if fault in LATE else 20, attempts=ATTEMPTS)


@dataclass(frozen=True)
class Ended:
    """A week that ended, as its context and as its facts."""

    context: WeekContext
    facts: tuple[Fact, ...]

    def of(self, *kinds: type[Fact]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kinds)]


async def week_with(gateway: str, stage: str, fault: str, *, broken: int) -> Ended:
    deps = make_deps(config_for(fault), store=await _store_before(stage))
    async with wired(deps, gateway, stage, fault=fault, broken=broken) as live:
        await run_week(WEEK_ID, live)
        context = await load_week(WEEK_ID, live.store)
        await _check_calls(live, fault, stage)
    assert context.completed == set(STAGES)
    events = await live.store.read_stream(f"week-{WEEK_ID}")
    return Ended(context, tuple(to_fact(event) for event in events))


async def _store_before(stage: str) -> MemoryEventStore:
    """Return a store in which fakes have run every stage before `stage`."""
    if stage not in _stores:
        store = MemoryEventStore(project)
        before = STAGES[STAGES.index(stage) - 1]
        await run_week(WEEK_ID, make_deps(config_for(""), store=store), until=before)
        _stores[stage] = store
    return copy.deepcopy(_stores[stage])


async def _check_calls(deps: Deps, fault: str, stage: str) -> None:
    """Check how often the first of the struck was asked, and that no cost was made up."""
    asked = {"research": "research-A", "chairman": CHAIRMAN}.get(stage, MANAGERS[0])
    calls = [event.payload for event in await deps.store.read_stream(f"llm-{WEEK_ID}")]
    own = [call for call in calls if call["asked_by"] == asked]
    assert len(own) == OUTCOMES[fault][1]
    if fault == "nousage":
        assert (own[0]["cost_usd"], own[0]["cost_source"]) == (None, "none")


def check_decision(week: Ended, reason: str | None) -> None:
    """Check that the council decided, or that it did not for just this reason."""
    councils = [own for own in week.context.proposals if own.account == CHAIRMAN]
    if reason is None:
        assert week.context.decision is not None
    else:
        assert week.context.no_decision is not None
        assert week.context.no_decision.reason.startswith(reason)
        assert councils == []


def rows(stage: str) -> list[Any]:
    """Return every fault for `stage`; what takes long in all is for the long run."""
    return [
        pytest.param(fault, id=fault, marks=[] if _is_quick(stage, fault) else [pytest.mark.slow])
        for fault in FAULTS
    ]


def _is_quick(stage: str, fault: str) -> bool:
    return fault in DEFAULT or (stage == "chairman" and fault not in LATE | HEAVY)


def test_every_fault_has_its_expected_outcome() -> None:
    assert OUTCOMES.keys() == FAULTS.keys()


@pytest.mark.parametrize("fault", rows("research"))
async def test_a_pack_that_fails_is_missing_and_the_week_goes_on(gateway: str, fault: str) -> None:
    outcome, _ = OUTCOMES[fault]

    week = await week_with(gateway, "research", fault, broken=1)

    failed = [(gap.pack, gap.outcome) for gap in week.context.failed_packs]
    assert failed == ([] if outcome in ANSWERED else [("A", outcome)])
    assert len(week.context.packs) == 2 - len(failed)
    check_decision(week, None)


@pytest.mark.parametrize("fault", rows("pitch"))
@pytest.mark.parametrize("broken", [2, 3])
async def test_managers_that_fail_abstain_and_open_nothing(
    gateway: str, fault: str, broken: int
) -> None:
    outcome, _ = OUTCOMES[fault]

    week = await week_with(gateway, "pitch", fault, broken=broken)

    struck = set(MANAGERS[:broken])
    made = {fact.account: fact.outcome for fact in week.of(PitchMade)}
    if outcome in ANSWERED:
        assert {made[account] for account in struck} == {outcome}
        assert len(made) == len(MANAGERS)
        return
    assert made.keys() == set(MANAGERS) - struck
    gone = {fact.account: fact.outcome for fact in week.of(PitchAbstained)}
    assert gone == dict.fromkeys(struck, outcome)
    assert struck.isdisjoint(own.account for own in week.context.proposals)
    check_decision(week, None if broken == 2 else "2 of 5 managers pitched and 3 are needed")


@pytest.mark.parametrize("fault", rows("peer_review"))
@pytest.mark.parametrize("broken", [2, 3])
async def test_reviewers_that_fail_abstain_and_give_no_scores(
    gateway: str, fault: str, broken: int
) -> None:
    outcome, _ = OUTCOMES[fault]

    week = await week_with(gateway, "peer_review", fault, broken=broken)

    struck = set(MANAGERS[:broken])
    reviewers = {fact.account for fact in week.of(ReviewMade)}
    if outcome in ANSWERED:
        assert reviewers == set(MANAGERS)
        return
    assert reviewers == set(MANAGERS) - struck
    gone = {fact.account: fact.outcome for fact in week.of(ReviewAbstained)}
    assert gone == dict.fromkeys(struck, outcome)
    check_decision(week, None if broken == 2 else "2 of 5 managers reviewed and 3 are needed")


@pytest.mark.parametrize("fault", rows("chairman"))
async def test_a_chairman_that_fails_decides_nothing(gateway: str, fault: str) -> None:
    outcome, _ = OUTCOMES[fault]

    week = await week_with(gateway, "chairman", fault, broken=10)

    check_decision(week, None if outcome in ANSWERED else "the chairman gave no valid decision: ")
    assert [fact.outcome for fact in week.of(DecisionReached)] == (
        [outcome] if outcome in ANSWERED else []
    )


@pytest.mark.parametrize("fault", rows("checkpoint"))
async def test_a_checkpoint_that_fails_changes_nothing(gateway: str, fault: str) -> None:
    outcome, _ = OUTCOMES[fault]
    deps = await open_week(FakeModels(), accounts=("ALPHA",), config=config_for(fault))
    move_price(deps, "80")

    async with wired(deps, gateway, "checkpoint", fault=fault, broken=10) as live:
        facts = await run_checkpoint(WEEK_ID, live, slot=SLOT)

    abstained = [type(fact) is CheckpointAbstained for fact in facts]
    if outcome in ANSWERED:
        assert isinstance(facts[0], CheckpointTaken)
    else:
        assert abstained == [True]


@pytest.mark.parametrize("stage", ["research", "pitch", "peer_review"])
async def test_a_stage_in_which_nobody_can_be_reached_is_left_to_be_run_again(
    gateway: str, stage: str
) -> None:
    deps = make_deps(config_for("402"))
    async with wired(deps, gateway, stage, fault="402", broken=10) as live:
        with pytest.raises(ModelsUnreachable, match="HTTP 402: no balance"):
            await run_week(WEEK_ID, live)

    async with wired(deps, gateway, stage, fault="ok", broken=0) as live:
        context = await run_week(WEEK_ID, live)

    assert context.completed == set(STAGES)
    assert context.decision is not None
