from datetime import timedelta
from typing import Any

import pytest

from config.errors import UsageError
from council.errors import (
    AlreadyDecided,
    ConfirmationWrong,
    NotApproved,
    TicketChanged,
    TicketExpired,
    UnknownTrade,
)
from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import ApprovalRevoked, ExecutionStarted, TradeProposed
from council.trading.approvals import Decider, approve, reject, revoke
from council.trading.journal import record
from council.trading.lifecycle import TradeStatus, load_trade
from tests.builders import EXPIRES_AT, WEEK_ID, make_ticket
from tests.council.trading.scenes import ANNA, approved, facts_of, kinds_of, proposed
from tests.fakes import make_deps

TOOL = Decider("mcp client", "tool", "client_relayed")


async def begun(deps: Deps, ticket: Ticket) -> None:
    state = await load_trade(deps.store, ticket.trade_id)
    fact = ExecutionStarted(
        week_id=WEEK_ID,
        trade_id=ticket.trade_id,
        account=ticket.account,
        client_order_id="lc-1",
        digest=ticket.digest,
    )
    await record(deps, [fact], {fact.stream: state.version})


async def test_a_revoked_trade_waits_again_with_the_same_ticket() -> None:
    deps = make_deps()
    ticket = await approved(deps)

    decided = await revoke(ticket.trade_id, " too early ", deps, decider=ANNA)

    *_, revoked, asked_again = await facts_of(deps, f"trade-{ticket.trade_id}")
    (row,) = await deps.store.rows("trades")
    assert (decided.status, row["status"]) == (TradeStatus.PENDING, "pending")
    assert isinstance(revoked, ApprovalRevoked)
    assert (revoked.reason, revoked.approver, revoked.round) == ("too early", "anna", 1)
    assert isinstance(asked_again, TradeProposed)
    assert (asked_again.ticket, asked_again.round) == (ticket, 2)


async def test_a_revoked_trade_can_be_approved_revoked_and_rejected() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    await revoke(ticket.trade_id, "too early", deps, decider=ANNA)

    await approve(ticket.trade_id, deps, decider=ANNA, digest=ticket.digest)
    await revoke(ticket.trade_id, "still too early", deps, decider=ANNA)
    await reject(ticket.trade_id, "never", deps, decider=ANNA)

    kinds = await kinds_of(deps, f"trade-{ticket.trade_id}")
    assert kinds.count("TradeApproved") == kinds.count("ApprovalRevoked") == 2
    assert kinds[-1] == "TradeRejected"


@pytest.mark.parametrize("shown", [{"digest": "0" * 64}, {"asked_round": 1}])
async def test_only_the_approval_that_was_shown_is_revoked(shown: dict[str, Any]) -> None:
    deps = make_deps()
    ticket = await approved(deps)
    await revoke(ticket.trade_id, "too early", deps, decider=ANNA)
    await approve(ticket.trade_id, deps, decider=ANNA)

    with pytest.raises(TicketChanged):
        await revoke(ticket.trade_id, "too early", deps, decider=ANNA, **shown)

    assert (await kinds_of(deps, f"trade-{ticket.trade_id}"))[-1] == "TradeApproved"


async def test_a_model_may_pass_on_a_revocation() -> None:
    deps = make_deps()
    ticket = await approved(deps)

    decided = await revoke(ticket.trade_id, "the user said so", deps, decider=TOOL)

    assert decided.status is TradeStatus.PENDING


async def test_what_was_never_approved_cannot_be_revoked() -> None:
    deps = make_deps()
    ticket = await proposed(deps)

    with pytest.raises(NotApproved, match="nothing to revoke"):
        await revoke(ticket.trade_id, "no", deps, decider=ANNA)


async def test_an_approval_stands_once_its_orders_have_begun() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    await begun(deps, ticket)

    with pytest.raises(AlreadyDecided, match=r"approved by anna .* and is executing") as refusal:
        await revoke(ticket.trade_id, "no", deps, decider=ANNA)

    assert refusal.value.exit_code == 5


async def test_a_rejected_trade_cannot_be_revoked() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await reject(ticket.trade_id, "no", deps, decider=ANNA)

    with pytest.raises(AlreadyDecided, match=r"Not revoked: .* already rejected by anna"):
        await revoke(ticket.trade_id, "no", deps, decider=ANNA)


async def test_rejecting_an_approved_trade_says_to_revoke_it_first() -> None:
    deps = make_deps()
    ticket = await approved(deps)

    with pytest.raises(AlreadyDecided, match=f"council revoke {ticket.trade_id}"):
        await reject(ticket.trade_id, "no", deps, decider=ANNA)

    await begun(deps, ticket)
    with pytest.raises(AlreadyDecided) as refusal:
        await reject(ticket.trade_id, "no", deps, decider=ANNA)
    assert "revoke" not in str(refusal.value)


async def test_an_approval_that_nobody_carried_out_in_time_expires_instead() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    await deps.clock.sleep(EXPIRES_AT - deps.clock.now() + timedelta(seconds=1))

    with pytest.raises(TicketExpired):
        await revoke(ticket.trade_id, "no", deps, decider=ANNA)

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.EXPIRED


async def test_a_revocation_needs_a_reason_and_a_trade() -> None:
    deps = make_deps()

    with pytest.raises(UsageError, match="needs a reason"):
        await revoke(make_ticket().trade_id, "  ", deps, decider=ANNA)
    with pytest.raises(UnknownTrade):
        await revoke(make_ticket().trade_id, "no", deps, decider=ANNA)


async def test_the_phrase_of_an_approval_that_was_taken_back_approves_nothing() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await approve(ticket.trade_id, deps, decider=TOOL, confirmation=ticket.confirmation)
    await revoke(ticket.trade_id, "not today", deps, decider=ANNA)

    with pytest.raises(ConfirmationWrong, match=f"{ticket.confirmation} 2"):
        await approve(ticket.trade_id, deps, decider=TOOL, confirmation=ticket.confirmation)

    again = f"{ticket.confirmation} 2"
    decided = await approve(ticket.trade_id, deps, decider=TOOL, confirmation=again)
    assert decided.status is TradeStatus.APPROVED
