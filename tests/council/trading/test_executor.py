"""What the executor does with an approved trade when nothing is wrong with the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.models import PositionIntent
from config.errors import UsageError
from council.errors import Overtaken
from council.model.base import Direction
from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import (
    ApprovalVoided,
    TradeApproved,
    TradeExpired,
    TradeProposed,
    TradeRejected,
)
from council.trading.approvals import Decider, approve
from council.trading.executor import execute_once, run_until_settled
from council.trading.journal import record
from council.trading.lifecycle import TradeStatus, load_trade
from tests.builders import EXPIRES_AT, make_ticket
from tests.council.trading.invariants import check_invariants
from tests.council.trading.scenes import (
    ACCOUNT,
    ANNA,
    approved,
    deps_on,
    facts_of,
    in_mode,
    kinds_of,
    proposed,
    store_proposal,
    venue_of,
    with_quote,
)
from tests.fakes import make_deps

MINUTE = timedelta(minutes=1)


def about(ticket: Ticket) -> dict[str, Any]:
    return {"week_id": ticket.week_id, "trade_id": ticket.trade_id, "account": ticket.account}


async def run(deps: Deps, *accounts: str) -> Any:
    """Run the account's orders to their end and return its report."""
    (report,) = await run_until_settled(deps, accounts or (ACCOUNT,), timeout=MINUTE)
    return report


async def test_an_approved_trade_becomes_one_filled_order() -> None:
    deps = make_deps()
    ticket = await approved(deps)

    report = await run(deps)

    (request,) = venue_of(deps).submitted
    assert report.outcome == "settled"
    assert (request.symbol, request.quantity) == ("SPY", Decimal(500))
    assert request.position_intent is PositionIntent.BUY_TO_OPEN
    assert await kinds_of(deps, f"account-{ACCOUNT}") == [
        "AccountObserved",
        "LegIntended",
        "SubmitAttempted",
        "OrderAccepted",
        "OrderProgressed",
        "LegClosed",
    ]
    await check_invariants(deps, ticket)


async def test_without_an_approval_nothing_is_sent() -> None:
    deps = make_deps()
    await proposed(deps)

    report = await run(deps)

    assert report.outcome == "idle"
    assert venue_of(deps).submitted == []


async def test_running_again_adds_nothing() -> None:
    deps = make_deps()
    await approved(deps)
    await run(deps)
    before = [event async for event in deps.store.read_all()]

    report = await run(deps)

    assert report.outcome == "idle"
    assert [event async for event in deps.store.read_all()] == before
    assert len(venue_of(deps).submitted) == 1


async def test_a_flip_closes_to_zero_before_it_opens() -> None:
    deps = make_deps()
    venue_of(deps).held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.SHORT)

    await run(deps)

    sent = [(order.position_intent, order.quantity) for order in venue_of(deps).submitted]
    assert sent == [
        (PositionIntent.SELL_TO_CLOSE, Decimal(120)),
        (PositionIntent.SELL_TO_OPEN, Decimal(500)),
    ]
    await check_invariants(deps, ticket)


async def test_positions_in_other_instruments_are_closed_first() -> None:
    deps = make_deps()
    venue_of(deps).held |= {"TLT": -30, "GLD": 7}
    ticket = await approved(deps)

    await run(deps)

    assert [order.symbol for order in venue_of(deps).submitted] == ["GLD", "TLT", "SPY"]
    assert len(venue_of(deps).orders) == 3
    await check_invariants(deps, ticket)


async def test_a_flat_trade_without_a_position_completes_without_an_order() -> None:
    deps = make_deps()
    ticket = await approved(deps, direction=Direction.FLAT)

    await run(deps)

    state = await load_trade(deps.store, ticket.trade_id)
    assert state.status is TradeStatus.COMPLETED
    assert venue_of(deps).submitted == []


async def test_a_closed_market_is_waited_for() -> None:
    deps = make_deps()
    venue_of(deps).is_open = False
    await approved(deps)

    report = await run(deps)

    assert report.outcome == "waiting"
    assert "waits for the open at Wed 18 Nov 09:05 New York" in report.notes[0]
    assert "LegIntended" not in await kinds_of(deps, f"account-{ACCOUNT}")


async def test_only_the_venue_says_that_it_is_open_whatever_the_simulated_hours_are() -> None:
    deps = make_deps(always_open=True)
    venue_of(deps).is_open = False
    await approved(deps)

    assert (await run(deps)).outcome == "waiting"
    assert venue_of(deps).submitted == []


@pytest.mark.parametrize("price", ["98.1", "101.9"])
async def test_a_price_inside_the_band_is_traded(price: str) -> None:
    deps = make_deps()
    await approved(deps)
    with_quote(deps, Decimal(price))

    await run(deps)

    assert len(venue_of(deps).submitted) == 1


@pytest.mark.parametrize("price", ["97.9", "102.1"])
async def test_a_price_outside_the_band_voids_the_approval_and_asks_again(price: str) -> None:
    deps = make_deps()
    first = await approved(deps)
    with_quote(deps, Decimal(price))

    await run(deps)

    *_, voided, again = await facts_of(deps, f"trade-{first.trade_id}")
    assert isinstance(voided, ApprovalVoided)
    assert isinstance(again, TradeProposed)
    assert (voided.digest, again.round) == (first.digest, 2)
    assert again.ticket.reference_price == Decimal(price)
    assert venue_of(deps).submitted == []

    await approve(first.trade_id, deps, decider=ANNA, digest=again.ticket.digest)
    await run(deps)
    await check_invariants(deps, again.ticket)


async def test_a_ticket_that_is_asked_again_unchanged_can_be_approved_again() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    relayed = Decider("bob", "elicitation", "client_relayed")
    await approve(ticket.trade_id, deps, decider=relayed)
    strict = in_mode(deps, "strict")
    await run(strict)

    again = (await load_trade(deps.store, ticket.trade_id)).proposal
    assert (again.round, again.ticket.digest) == (2, ticket.digest)

    herself = Decider("anna", "cli", "human_direct")
    await approve(ticket.trade_id, strict, decider=herself)
    await run(strict)
    assert len(venue_of(deps).orders) == 1
    await check_invariants(deps, again.ticket)


async def test_an_approval_that_expired_before_it_was_carried_out_sends_nothing() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    await deps.clock.sleep(EXPIRES_AT - deps.clock.now())

    await run(deps)

    last = (await facts_of(deps, f"trade-{ticket.trade_id}"))[-1]
    assert isinstance(last, TradeExpired)
    assert venue_of(deps).submitted == []


async def test_a_position_that_changed_since_the_approval_voids_it() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    venue_of(deps).held["SPY"] = -10

    report = await run(deps)

    state = await load_trade(deps.store, ticket.trade_id)
    assert state.status is TradeStatus.PENDING
    assert "not on the ticket" in report.notes[0]
    assert venue_of(deps).submitted == []


async def test_an_approval_of_another_digest_sends_nothing() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    forged = TradeApproved(
        **about(ticket), digest="0" * 64, approver="x", channel="cli", trust="local_user"
    )
    await record(deps, [forged], {forged.stream: 1})

    report = await run(deps)

    assert "not the one that was approved" in report.notes[0]
    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.PENDING
    assert venue_of(deps).submitted == []


async def test_a_ticket_for_another_account_number_is_not_carried_out() -> None:
    deps = make_deps()
    ticket = make_ticket(account_number="PA00000099")
    await store_proposal(deps, ticket)
    await approve(ticket.trade_id, deps, decider=ANNA)

    report = await run(deps)

    assert "the ticket is for PA00000099" in report.notes[0]
    assert venue_of(deps).submitted == []


async def test_a_voided_approval_is_none() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    voided = ApprovalVoided(**about(ticket), digest=ticket.digest, reason="the price moved")

    await record(deps, [voided], {voided.stream: 2})

    state = await load_trade(deps.store, ticket.trade_id)
    assert (state.status, state.approved) == (TradeStatus.PENDING, None)


async def test_an_account_of_another_number_does_not_trade_and_the_others_do() -> None:
    deps = make_deps()
    await approved(deps)
    await approved(deps, account="BRAVO")
    venue_of(deps).account_number = "PA99999999"

    wrong, right = await run_until_settled(deps, [ACCOUNT, "BRAVO"], timeout=MINUTE)

    assert wrong.outcome == "blocked"
    assert "PA99999999" in wrong.notes[0]
    assert right.outcome == "settled"
    assert venue_of(deps).submitted == []


async def test_a_refused_account_is_reported_by_name() -> None:
    deps = make_deps()
    desks = {name: desk for name, desk in deps.desks.items() if name != ACCOUNT}
    deps = replace(deps, desks=desks, refused_accounts={ACCOUNT: "its key is another account's"})

    reports = {report.account: report for report in await execute_once(deps)}

    assert reports[ACCOUNT].outcome == "blocked"
    assert reports[ACCOUNT].notes == ("its key is another account's",)
    assert reports["BRAVO"].outcome == "idle"


async def test_an_unknown_account_is_named() -> None:
    with pytest.raises(UsageError, match="No account is called NOBODY"):
        await execute_once(make_deps(), ["NOBODY"])


async def test_an_account_that_someone_else_works_on_is_left_alone() -> None:
    deps = make_deps()
    await approved(deps)

    async with deps.locks.exclusive(f"executor-{ACCOUNT}"):
        (report,) = await execute_once(deps, [ACCOUNT])

    assert report.outcome == "busy"
    assert venue_of(deps).submitted == []


class NoLocks:
    """Locks that everyone gets, as after a database forgot them."""

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[bool]:
        """Say yes to all."""
        yield True


@pytest.mark.parametrize("kind", ["memory", "postgres"])
async def test_three_executors_without_a_lock_send_one_order_per_leg(
    kind: str, request: pytest.FixtureRequest
) -> None:
    async with deps_on(kind, request) as kept:
        deps = replace(kept, locks=NoLocks())
        venue_of(deps).held["SPY"] = 120
        ticket = await approved(deps, direction=Direction.SHORT)

        await asyncio.gather(*(run(deps) for _ in range(3)))
        await run(deps)

        assert len(venue_of(deps).orders) == 2
        await check_invariants(deps, ticket)


async def test_a_position_that_lags_behind_its_fill_leads_to_no_second_order() -> None:
    deps = make_deps()
    venue = venue_of(deps)
    await approved(deps)

    def forget_the_position(name: str) -> None:
        if name == "exec.between_legs":
            venue.held.clear()

    (report,) = await execute_once(replace(deps, failpoint=forget_the_position), [ACCOUNT])

    assert report.outcome == "working"
    assert "the venue shows 0 SPY where the fills leave 500" in report.notes[-1]
    assert len(venue.submitted) == 1

    venue.held["SPY"] = 500
    assert (await run(deps)).outcome == "settled"


async def test_a_verdict_on_a_trade_that_has_moved_on_is_not_stored() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    rejected = TradeRejected(**about(ticket), reason="late", approver="bob", channel="cli")

    with pytest.raises(Overtaken):
        await record(deps, [rejected], {rejected.stream: 1})

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.APPROVED


async def test_an_append_that_came_second_is_told_so() -> None:
    deps = make_deps()
    ticket = await proposed(deps)

    with pytest.raises(Overtaken):
        await proposed(deps, equity_share=Decimal("0.1"))

    assert (await load_trade(deps.store, ticket.trade_id)).version == 1
