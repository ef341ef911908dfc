"""Races for one trade on PostgreSQL: exactly one outcome stands, everybody else is told which.

Rows A1, A2, A3 and S2: 20 rounds each in the default suite, 300 as slow tests. A deadlock would
come out as an error that no round expects.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from broker.models import PositionIntent, Side, VenueName
from config.clock import FixedClock
from config.ids import client_order_id_for, random_id
from council.errors import AccountHalted, AlreadyDecided, Overtaken, TicketExpired
from council.fact import Fact
from council.ports import Deps
from council.trade_facts import (
    ApprovalRevoked,
    ExecutionStarted,
    LegIntended,
    TradeApproved,
    TradeExpired,
    TradeRejected,
    TradingHalted,
)
from council.trading.account_guard import load_guard
from council.trading.approvals import (
    Decided,
    Decider,
    approve,
    expire_due,
    reject,
    revoke,
)
from council.trading.halts import halt, resume
from council.trading.journal import record
from council.trading.lifecycle import load_trade
from tests.builders import EXPIRES_AT, MANAGERS, WEEK_ID, make_ticket
from tests.council.trading.scenes import ANNA, deps_on, facts_of, store_proposal

CONTENDERS = 8
rounds_of_each = pytest.mark.parametrize("rounds", [20, pytest.param(300, marks=pytest.mark.slow)])


def contender(number: int) -> Decider:
    return Decider(f"person-{number}", "cli", "local_user")


async def waiting(deps: Deps, round_number: int) -> UUID:
    """Store a fresh trade, in each round of another account."""
    account = MANAGERS[round_number % len(MANAGERS)]
    ticket = make_ticket(account, trade_id=random_id())
    await store_proposal(deps, ticket)
    return ticket.trade_id


async def at_once(
    calls: Sequence[Coroutine[Any, Any, Any]], *expected: type[Exception], turned: bool = False
) -> list[Any]:
    """Run all at the same time, the last first where `turned`; only `expected` may go wrong."""
    ordered = list(reversed(calls)) if turned else list(calls)
    answers = await asyncio.gather(*ordered, return_exceptions=True)
    odd = [one for one in answers if isinstance(one, BaseException) and type(one) not in expected]
    assert odd == []
    return list(reversed(answers)) if turned else list(answers)


async def of_trade(deps: Deps, trade_id: UUID, *kinds: type[Fact]) -> list[Fact]:
    facts = await facts_of(deps, f"trade-{trade_id}")
    return [fact for fact in facts if isinstance(fact, kinds)]


@rounds_of_each
async def test_of_eight_approvers_one_wins_and_the_others_are_told_who(
    rounds: int, request: pytest.FixtureRequest
) -> None:
    async with deps_on("postgres", request) as deps:
        for number in range(rounds):
            trade_id = await waiting(deps, number)

            answers = await at_once(
                [approve(trade_id, deps, decider=contender(n)) for n in range(CONTENDERS)],
                AlreadyDecided,
            )

            (stored,) = await of_trade(deps, trade_id, TradeApproved)
            assert isinstance(stored, TradeApproved)
            losers = [one for one in answers if isinstance(one, AlreadyDecided)]
            assert len(losers) == CONTENDERS - 1
            assert all(f"already approved by {stored.approver} " in str(one) for one in losers)


@rounds_of_each
async def test_an_approval_and_a_rejection_never_both_stand(
    rounds: int, request: pytest.FixtureRequest
) -> None:
    async with deps_on("postgres", request) as deps:
        for number in range(rounds):
            trade_id = await waiting(deps, number)

            answers = await at_once(
                [
                    approve(trade_id, deps, decider=contender(1)),
                    reject(trade_id, "no", deps, decider=contender(2)),
                ],
                AlreadyDecided,
                turned=bool(number % 2),
            )

            verdicts = await of_trade(deps, trade_id, TradeApproved, TradeRejected)
            assert sum(isinstance(one, Decided) for one in answers) == len(verdicts) == 1


@rounds_of_each
async def test_an_approval_and_the_expiry_never_both_stand(
    rounds: int, request: pytest.FixtureRequest
) -> None:
    """The approver's clock is a moment behind that of the process which lets tickets expire."""
    async with deps_on("postgres", request) as deps:
        in_time = replace(deps, clock=FixedClock(EXPIRES_AT - timedelta(microseconds=1)))
        too_late = replace(deps, clock=FixedClock(EXPIRES_AT))
        for number in range(rounds):
            trade_id = await waiting(deps, number)

            await at_once(
                [
                    approve(trade_id, in_time, decider=contender(1)),
                    expire_due(too_late),
                    approve(trade_id, too_late, decider=contender(2)),
                ],
                AlreadyDecided,
                TicketExpired,
                turned=bool(number % 2),
            )

            (verdict,) = await of_trade(deps, trade_id, TradeApproved, TradeExpired)
            if isinstance(verdict, TradeApproved):
                assert verdict.approver == "person-1"


@rounds_of_each
async def test_an_approval_is_stored_before_the_halt_or_not_at_all(
    rounds: int, request: pytest.FixtureRequest
) -> None:
    async with deps_on("postgres", request) as deps:
        for number in range(rounds):
            trade_id = await waiting(deps, number)
            account = MANAGERS[number % len(MANAGERS)]

            approved, _ = await at_once(
                [
                    approve(trade_id, deps, decider=contender(1)),
                    halt(deps, [account], reason="stop", by="ben", channel="tool"),
                ],
                AccountHalted,
                turned=bool(number % 2),
            )

            kinds = [TradeApproved.__name__, TradingHalted.__name__]
            log = [e async for e in deps.store.read_all(event_types=kinds)]
            own = [e.event_type for e in log if e.stream == f"trade-{trade_id}"]
            newest = log[-1]
            assert own == (["TradeApproved"] if isinstance(approved, Decided) else [])
            assert newest.event_type == "TradingHalted"
            await resume(deps, [account], decider=ANNA)


@rounds_of_each
async def test_a_revocation_and_the_beginning_of_execution_never_both_stand(
    rounds: int, request: pytest.FixtureRequest
) -> None:
    async with deps_on("postgres", request) as deps:
        for number in range(rounds):
            trade_id = await waiting(deps, number)
            await approve(trade_id, deps, decider=contender(1))

            await at_once(
                [revoke(trade_id, "no", deps, decider=contender(2)), started(trade_id, deps)],
                AlreadyDecided,
                Overtaken,
                turned=bool(number % 2),
            )

            outcome = await of_trade(deps, trade_id, ApprovalRevoked, ExecutionStarted)
            account = (await load_trade(deps.store, trade_id)).proposal.account
            legs = await facts_of(deps, f"account-{account}")
            sent = [
                one for one in legs if isinstance(one, LegIntended) and one.trade_id == trade_id
            ]
            assert len(outcome) == 1
            assert len(sent) == isinstance(outcome[0], ExecutionStarted)


async def started(trade_id: UUID, deps: Deps) -> None:
    """Write down that the order is about to be sent, as the executor does: both streams at once."""
    state = await load_trade(deps.store, trade_id)
    account = state.proposal.account
    guard = await load_guard(deps.store, account)
    if state.approved is None:
        raise Overtaken("it is approved no longer")
    identity = {
        "week_id": WEEK_ID,
        "trade_id": trade_id,
        "account": account,
        "client_order_id": client_order_id_for(trade_id, "open", 1),
        "digest": state.approved.digest,
    }
    intent = LegIntended(
        **identity,
        leg="open",
        attempt=1,
        venue=VenueName.SIMULATED,
        symbol="SPY",
        side=Side.BUY,
        quantity=500,
        position_intent=PositionIntent.BUY_TO_OPEN,
        start_quantity=0,
    )
    facts = (ExecutionStarted(**identity), intent)
    versions = {f"trade-{trade_id}": state.version, f"account-{account}": guard.version}
    await record(deps, facts, versions)
