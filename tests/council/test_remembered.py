"""A process reads on from where it was; whoever remembers wrongly is refused and reads again."""

from dataclasses import dataclass, field, replace

import pytest

from council.errors import Overtaken
from council.events import NoTicket
from council.pipeline import append_facts, load_stages, load_week, run_week
from council.ports import Deps
from council.projections import project
from council.remembered import MOST_ENDED, Remembered
from council.trading.account_legs import AccountLedger
from council.trading.executor import run_until_settled
from council.trading.halts import halt
from council.trading.lifecycle import TradeState, known_trade
from store.events import StoredEvent
from store.memory import MemoryEventStore
from tests.builders import WEEK_ID
from tests.council.stages.test_checkpoint import MINUTE, open_week
from tests.fakes import FakeModels, make_deps


@dataclass
class ReadingStore(MemoryEventStore):
    """Keeps from which version on each stream was read."""

    reads: list[tuple[str, int]] = field(default_factory=list)

    def __init__(self) -> None:
        super().__init__(project)
        self.reads = []

    async def read_stream(self, stream: str, after_version: int = 0) -> tuple[StoredEvent, ...]:
        self.reads.append((stream, after_version))
        return await super().read_stream(stream, after_version)


def elsewhere(deps: Deps) -> Deps:
    """Return the same world as another process sees it."""
    return replace(deps, remembered=Remembered())


async def test_a_week_is_read_on_and_is_the_same_as_one_read_from_its_beginning() -> None:
    store = ReadingStore()
    deps = make_deps(store=store)
    await run_week(WEEK_ID, deps)
    store.reads.clear()

    read_on = await load_stages(WEEK_ID, deps)

    assert store.reads == [(f"week-{WEEK_ID}", read_on.version)]
    assert read_on == replace(await load_week(WEEK_ID, store), proposals=())


async def test_what_another_process_wrote_is_read_too() -> None:
    deps = make_deps()
    known = await run_week(WEEK_ID, deps, until="pitch")

    await run_week(WEEK_ID, elsewhere(deps))

    assert (await load_stages(WEEK_ID, deps)).version > known.version
    assert await run_week(WEEK_ID, deps) == await load_week(WEEK_ID, deps.store)


async def test_whoever_was_overtaken_forgets_the_week() -> None:
    deps = make_deps()
    known = await run_week(WEEK_ID, deps)
    gap = NoTicket(week_id=WEEK_ID, account="ALPHA", reason="for a test")
    await append_facts(known, (gap,), elsewhere(deps))

    with pytest.raises(Overtaken):
        await append_facts(known, (gap.model_copy(update={"account": "BRAVO"}),), deps)

    assert deps.remembered.week is None


async def test_another_week_puts_the_first_out_of_mind() -> None:
    deps = await open_week(FakeModels())
    assert deps.remembered.ended != {}

    other = await load_stages("2026-11-25", deps)

    assert (other.version, deps.remembered.week) == (0, other)
    assert deps.remembered.ended == {}
    assert (await load_stages(WEEK_ID, deps)).snapshot is not None


async def test_an_account_is_read_on_and_is_the_same_as_one_read_from_its_beginning() -> None:
    deps = await open_week(FakeModels())

    read_on = await AccountLedger.opened(deps, "ALPHA")
    anew = await AccountLedger.opened(elsewhere(deps), "ALPHA")

    assert (read_on.legs, read_on.guard) == (anew.legs, anew.guard)
    assert read_on.legs.newest != ()


async def test_an_account_on_which_another_executor_wrote_first_is_forgotten() -> None:
    deps = await open_week(FakeModels())
    stale = await AccountLedger.opened(deps, "ALPHA")
    others = elsewhere(deps)
    await run_until_settled(others, ["ALPHA"], timeout=MINUTE)
    observed = stale.guard.observed
    assert observed is not None
    fresh = await AccountLedger.opened(others, "ALPHA")
    await fresh.write(observed.model_copy(update={"number": 2}))

    with pytest.raises(Overtaken):
        await stale.write(observed.model_copy(update={"number": 3}))

    assert "ALPHA" not in deps.remembered.ledgers
    assert (await AccountLedger.opened(deps, "ALPHA")).guard == fresh.guard


async def test_a_halt_is_not_missed_by_who_writes_what_another_wrote_in_the_same_instant() -> None:
    deps = await open_week(FakeModels())
    stale = await AccountLedger.opened(deps, "ALPHA")
    others = elsewhere(deps)
    observed = stale.guard.observed
    assert observed is not None
    again = observed.model_copy(update={"number": 2})
    await halt(others, ["ALPHA"], reason="for a test", by="anna", channel="cli")
    await (await AccountLedger.opened(others, "ALPHA")).write(again)

    with pytest.raises(Overtaken):
        await stale.write(again)

    assert (await AccountLedger.opened(deps, "ALPHA")).guard.halted is not None


async def test_a_trade_that_is_over_is_read_once() -> None:
    deps = await open_week(FakeModels())
    (state,) = [s for s in deps.remembered.ended.values() if s.proposal.account == "ALPHA"]
    forgetful = replace(deps, store=MemoryEventStore(project))

    assert await known_trade(state.trade_id, forgetful) is state


async def test_ended_trades_are_kept_within_a_bound() -> None:
    deps = await open_week(FakeModels())
    remembered = Remembered()
    (state,) = [s for s in deps.remembered.ended.values() if s.proposal.account == "ALPHA"]
    assert isinstance(state, TradeState)

    for number in range(MOST_ENDED + 1):
        remembered.keep_ended(replace(state, trade_id=type(state.trade_id)(int=number)))

    assert len(remembered.ended) == 1
