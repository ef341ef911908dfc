import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from config.errors import RefusedError, UsageError
from council.codec import to_event
from council.errors import AccountHalted, Overtaken
from council.ports import Deps
from council.projections import project
from council.trade_facts import (
    CancelRequested,
    Channel,
    DriftDetected,
    TradingHalted,
    TradingResumed,
)
from council.trading.account_guard import load_guard
from council.trading.approvals import Decider, approve
from council.trading.halts import (
    LONGEST_REASON,
    NO_REASON,
    Stopped,
    accept_drift,
    halt,
    resume,
)
from council.trading.journal import record
from council.trading.lifecycle import TradeStatus, load_trade
from store.events import StoredEvent
from store.memory import MemoryEventStore
from tests.builders import CHAIRMAN, MANAGERS, NOW, WEEK_ID, make_ticket
from tests.council.trading.scenes import ANNA, deps_on, facts_of, proposed
from tests.fakes import make_deps

ALL = (*MANAGERS, CHAIRMAN)
both_stores = pytest.mark.parametrize("kind", ["memory", "postgres"])


async def halted(deps: Deps, *accounts: str, by: str = "anna") -> tuple[Stopped, ...]:
    return await halt(deps, accounts or None, reason="looking into it", by=by, channel="cli")


async def drifted(deps: Deps, symbol: str = "SPY", shown: int = 480, number: int = 1) -> None:
    guard = await load_guard(deps.store, "ALPHA")
    fact = DriftDetected(
        week_id=WEEK_ID,
        account="ALPHA",
        number=number,
        symbol=symbol,
        expected=500,
        shown=shown,
        reason="the venue shows another position",
    )
    await record(deps, [fact], {fact.stream: guard.version})


async def test_a_halt_stops_every_account_of_the_file_even_one_without_a_venue() -> None:
    deps = replace(make_deps(), desks={}, refused_accounts={"ALPHA": "another key"})

    stopped = await halted(deps)

    assert tuple(one.account for one in stopped) == ALL
    assert all(one.is_new for one in stopped)
    for name in ALL:
        (fact,) = await facts_of(deps, f"account-{name}")
        assert isinstance(fact, TradingHalted)
        assert (fact.number, fact.by, fact.channel) == (1, "anna", "cli")
        assert (fact.week_id, fact.cancel_orders) == (WEEK_ID, True)


async def test_an_account_that_is_halted_keeps_its_halt_and_is_told() -> None:
    deps = make_deps()
    await halted(deps, "BRAVO", by="ben")

    stopped = {one.account: one for one in await halted(deps)}

    assert (stopped["BRAVO"].is_new, stopped["BRAVO"].fact.by) == (False, "ben")
    assert stopped["ALPHA"].is_new
    assert len(await facts_of(deps, "account-BRAVO")) == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  ", NO_REASON),
        ("line\none\x1b[2J", "line one[2J"),
        ("y" * 9_999, "y" * LONGEST_REASON),
    ],
)
async def test_a_reason_is_one_clean_short_line(given: str, kept: str) -> None:
    deps = make_deps()

    (stopped,) = await halt(deps, ["ALPHA"], reason=given, by="anna", channel="tool")

    assert stopped.fact.reason == kept


async def test_an_unknown_account_halts_nothing() -> None:
    deps = make_deps()

    with pytest.raises(UsageError, match="No account is called ZULU: choose from ALPHA"):
        await halted(deps, "ALPHA", "ZULU")

    assert await facts_of(deps, "account-ALPHA") == []


async def test_an_account_may_be_named_in_small_letters_and_twice() -> None:
    deps = make_deps()

    assert [one.account for one in await halted(deps, "alpha", "ALPHA")] == ["ALPHA"]


@both_stores
async def test_of_racing_halts_every_account_gets_exactly_one(
    kind: str, request: pytest.FixtureRequest
) -> None:
    async with deps_on(kind, request) as deps:
        answers = await asyncio.gather(
            *(halted(deps, by=f"person-{number}") for number in range(4)),
            *(halted(deps, "ALPHA", "CHARLIE", by=f"other-{number}") for number in range(4)),
        )

        for name in ALL:
            (fact,) = await facts_of(deps, f"account-{name}")
            told = [one for answer in answers for one in answer if one.account == name]
            assert {one.fact for one in told} == {fact}
            assert sum(one.is_new for one in told) == 1


async def test_a_person_resumes_and_the_next_halt_is_a_new_one() -> None:
    deps = make_deps()
    await halted(deps)

    resumed = await resume(deps, ["ALPHA"], decider=ANNA)
    again = await halted(deps, "ALPHA")

    assert [(one.account, one.ended is not None) for one in resumed] == [("ALPHA", True)]
    assert again[0].fact.number == 2
    assert (await load_guard(deps.store, "BRAVO")).halted is not None


async def test_resuming_what_is_not_halted_writes_nothing() -> None:
    deps = make_deps()

    resumed = await resume(deps, decider=ANNA)

    assert all(one.ended is None for one in resumed)
    assert await facts_of(deps, "account-ALPHA") == []


@pytest.mark.parametrize("channel", ["api", "tool", "elicitation", "app_card", "demo"])
async def test_no_model_resumes_or_accepts_a_drift(channel: Channel) -> None:
    deps = make_deps()
    await halted(deps)
    await drifted(deps)
    model = Decider("claude-desktop", channel, "client_relayed")

    with pytest.raises(RefusedError, match="Only a person resumes trading, in the terminal"):
        await resume(deps, decider=model)
    with pytest.raises(RefusedError, match="Only a person accepts a drift"):
        await accept_drift(deps, "ALPHA", "SPY", decider=model)

    guard = await load_guard(deps.store, "ALPHA")
    assert guard.halted is not None
    assert "SPY" in guard.frozen


async def test_nobody_resumes_while_the_halt_file_asks_for_a_halt() -> None:
    deps = replace(make_deps(), halt_wanted=lambda: "looking into it")
    await halted(deps)

    with pytest.raises(RefusedError, match="halt file still asks for a halt"):
        await resume(deps, decider=ANNA)


@both_stores
async def test_of_racing_persons_one_ends_the_halt_and_all_are_told_of_it(
    kind: str, request: pytest.FixtureRequest
) -> None:
    async with deps_on(kind, request) as deps:
        await halted(deps)
        persons = [Decider(f"person-{number}", "cli", "local_user") for number in range(6)]

        await asyncio.gather(*(resume(deps, decider=person) for person in persons))

        for name in ALL:
            facts = await facts_of(deps, f"account-{name}")
            assert [type(fact) for fact in facts] == [TradingHalted, TradingResumed]


async def test_a_halted_account_takes_no_approval_and_says_how_that_ends() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await halted(deps, "ALPHA", by="ben")

    with pytest.raises(AccountHalted, match=r"halted by ben .*looking into it") as refusal:
        await approve(ticket.trade_id, deps, decider=ANNA)
    await resume(deps, decider=ANNA)
    await approve(ticket.trade_id, deps, decider=ANNA)

    assert "`council resume ALPHA`" in str(refusal.value)
    assert refusal.value.exit_code == 5
    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.APPROVED


async def test_nobody_approves_while_the_halt_file_asks_for_a_halt() -> None:
    deps = make_deps()
    ticket = await proposed(deps)

    with pytest.raises(AccountHalted, match=r"halt file halts every account \(looking into it\)"):
        await approve(
            ticket.trade_id, replace(deps, halt_wanted=lambda: "looking into it"), decider=ANNA
        )

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.PENDING


async def test_a_drift_does_not_keep_anyone_from_approving() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await drifted(deps)

    await approve(ticket.trade_id, deps, decider=ANNA)

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.APPROVED


async def test_a_drift_is_accepted_as_it_was_shown_and_frees_the_instrument() -> None:
    deps = make_deps()
    await drifted(deps, shown=480)
    await drifted(deps, shown=470, number=2)

    fact = await accept_drift(deps, "alpha", "spy", decider=ANNA)

    guard = await load_guard(deps.store, "ALPHA")
    assert (fact.number, fact.quantity, fact.approver) == (2, 470, "anna")
    assert (dict(guard.frozen), dict(guard.expected)) == ({}, {"SPY": 470})


async def test_a_drift_that_moved_since_it_was_shown_is_not_accepted() -> None:
    deps = make_deps()
    await drifted(deps, shown=480)
    await drifted(deps, shown=470, number=2)

    with pytest.raises(RefusedError, match="shows 470 SPY for ALPHA by now"):
        await accept_drift(deps, "ALPHA", "SPY", decider=ANNA, number=1)


async def test_what_is_not_frozen_cannot_be_accepted_and_the_frozen_ones_are_listed() -> None:
    deps = make_deps()
    await drifted(deps)

    with pytest.raises(UsageError, match="ALPHA has no drift in TLT to accept; frozen for it: SPY"):
        await accept_drift(deps, "ALPHA", "TLT", decider=ANNA)
    with pytest.raises(UsageError, match="No account is called NOBODY"):
        await accept_drift(deps, "NOBODY", "SPY", decider=ANNA)


async def test_a_later_halt_is_filed_under_its_own_week() -> None:
    deps = make_deps()
    await deps.clock.sleep(timedelta(days=7))

    (stopped,) = await halted(deps, "ALPHA")

    assert stopped.fact.week_id == "2026-11-25"


class BusyStore(MemoryEventStore):
    """A store in which somebody writes to an account each time that its stream was read."""

    def __init__(self, busy: int) -> None:
        super().__init__(project)
        self.busy = busy
        self.written = 0

    async def read_stream(self, stream: str, after_version: int = 0) -> tuple[StoredEvent, ...]:
        """Read, and let the account move on before the reader can write."""
        events = await super().read_stream(stream, after_version)
        if stream == "account-ALPHA" and self.busy:
            self.busy, self.written = self.busy - 1, self.written + 1
            await self.append(stream, [to_event(cancel(self.written), at=NOW)])
        return events


def cancel(number: int) -> CancelRequested:
    return CancelRequested(
        week_id=WEEK_ID,
        account="ALPHA",
        trade_id=make_ticket("BRAVO").trade_id,
        client_order_id=f"lc-{number}",
        reason="a newer trade was approved",
    )


async def test_an_approval_gets_through_beside_orders_under_way() -> None:
    store = BusyStore(busy=0)
    deps = make_deps(store=store)
    ticket = await proposed(deps)

    store.busy = 20
    await approve(ticket.trade_id, deps, decider=ANNA)

    assert store.busy == 0
    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.APPROVED


async def test_an_account_that_never_stands_still_is_halted_all_the_same() -> None:
    deps = make_deps(store=BusyStore(busy=10_000))

    stopped = await halted(deps)

    assert all(one.is_new for one in stopped)
    assert (await load_guard(deps.store, "ALPHA")).halted is not None


async def test_an_account_that_never_stands_still_is_said_not_to_be_resumed() -> None:
    deps = make_deps(store=BusyStore(busy=10_000))
    await halted(deps)

    with pytest.raises(Overtaken, match="NOT resumed"):
        await resume(deps, decider=ANNA)
