"""What an assistant may pass on: the caps at the approval, in a race, and before every order."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from broker.models import PositionIntent, Side
from config.errors import RefusedError
from config.ids import random_id
from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import (
    ApprovalVoided,
    Channel,
    TradeApproved,
    TradeProposed,
)
from council.trading.approvals import Decided, Decider, approve, reject, revoke
from council.trading.executor import execute_once
from council.trading.lifecycle import TradeStatus, load_trade
from tests.builders import MANAGERS, make_leg, make_ticket
from tests.council.trading.scenes import (
    ANNA,
    approved,
    deps_on,
    facts_of,
    in_mode,
    proposed,
    store_proposal,
    under_approval,
    venue_of,
    with_quote,
)
from tests.fakes import make_deps

HERSELF = Decider("anna", "cli", "human_direct")
relayed_channels = pytest.mark.parametrize("channel", ["api", "elicitation", "tool", "app_card"])
_SELLS = make_leg(
    leg="close", side=Side.SELL, quantity=250, position_intent=PositionIntent.SELL_TO_CLOSE
)
HALF: dict[str, Any] = {"target_quantity": 250, "legs": (_SELLS,)}
OUT: dict[str, Any] = {"target_quantity": 0, "notional_usd": Decimal(0), "legs": (_SELLS,)}
both_stores = pytest.mark.parametrize("kind", ["memory", "postgres"])


async def relay(ticket: Ticket, deps: Deps, channel: Channel = "elicitation") -> Decided:
    """Approve as an assistant does that passes on what a person said."""
    by = Decider("mcp client", channel, "client_relayed")
    return await approve(ticket.trade_id, deps, decider=by, confirmation=ticket.confirmation)


async def waiting(deps: Deps, number: int, **fields: Any) -> Ticket:
    """Store a trade of 50,000 USD for another account."""
    ticket = make_ticket(MANAGERS[number % len(MANAGERS)], trade_id=random_id(), **fields)
    await store_proposal(deps, ticket)
    return ticket


async def status_of(ticket: Ticket, deps: Deps) -> TradeStatus:
    return (await load_trade(deps.store, ticket.trade_id)).status


@relayed_channels
async def test_a_trade_above_the_cap_is_not_passed_on_by_an_assistant(channel: Channel) -> None:
    deps = under_approval(make_deps(), relayed_trade_usd=Decimal("49999.99"))
    ticket = await waiting(deps, 0)

    with pytest.raises(RefusedError, match=r"50,000.00 USD .*`council approve`"):
        await relay(ticket, deps, channel)

    assert await status_of(ticket, deps) is TradeStatus.PENDING


@relayed_channels
async def test_a_trade_at_the_cap_is_passed_on(channel: Channel) -> None:
    deps = under_approval(make_deps(), relayed_trade_usd=Decimal(50_000))
    ticket = await waiting(deps, 0)

    assert (await relay(ticket, deps, channel)).status is TradeStatus.APPROVED


async def test_a_persons_own_approval_has_no_cap() -> None:
    deps = under_approval(make_deps(), relayed_trade_usd=Decimal(1), relayed_day_usd=Decimal(1))
    ticket = await waiting(deps, 0)

    assert (await approve(ticket.trade_id, deps, decider=ANNA)).status is TradeStatus.APPROVED


@relayed_channels
async def test_getting_out_has_no_cap_and_counts_nothing(channel: Channel) -> None:
    deps = under_approval(make_deps(), relayed_trade_usd=Decimal(1), relayed_day_usd=Decimal(1))
    half, out = await waiting(deps, 0, **HALF), await waiting(deps, 1, **OUT)
    await relay(half, deps, channel)

    assert (await relay(out, deps, channel)).status is TradeStatus.APPROVED


async def test_what_only_reduces_takes_nothing_from_the_day() -> None:
    deps = under_approval(make_deps(), relayed_day_usd=Decimal(50_000))
    half, last = await waiting(deps, 0, **HALF), await waiting(deps, 1)
    await relay(half, deps)

    assert (await relay(last, deps)).status is TradeStatus.APPROVED


async def test_a_flip_is_capped_although_it_closes_first() -> None:
    deps = under_approval(make_deps(), relayed_trade_usd=Decimal("49999.99"))
    flip = await waiting(deps, 0, legs=(*HALF["legs"], make_leg()))

    with pytest.raises(RefusedError, match="relayed_trade_usd"):
        await relay(flip, deps)


async def test_caps_that_were_lowered_since_do_not_keep_a_position_open() -> None:
    deps = make_deps()
    await approved(deps)
    await execute_once(deps)
    await relay(await proposed(deps, trade_id=random_id(), target_quantity=250), deps)

    await execute_once(under_approval(deps, relayed_trade_usd=Decimal(1)))

    assert [order.side for order in venue_of(deps).submitted] == [Side.BUY, Side.SELL]


@both_stores
async def test_the_days_sum_is_capped_over_all_accounts(
    kind: str, request: pytest.FixtureRequest
) -> None:
    async with deps_on(kind, request) as opened:
        deps = under_approval(opened, relayed_day_usd=Decimal(100_000))
        tickets = [await waiting(deps, number) for number in range(3)]
        await relay(tickets[0], deps, "tool")
        await relay(tickets[1], deps, "app_card")

        with pytest.raises(RefusedError, match=r"on top of 100,000.00 USD .* 100,000 USD"):
            await relay(tickets[2], deps)

        assert await status_of(tickets[2], deps) is TradeStatus.PENDING


async def test_what_was_revoked_rejected_or_approved_by_a_person_does_not_count() -> None:
    deps = under_approval(make_deps(), relayed_day_usd=Decimal(50_000))
    back, no, own, last = [await waiting(deps, number) for number in range(4)]
    await relay(back, deps)
    await revoke(back.trade_id, "too soon", deps, decider=ANNA)
    await reject(no.trade_id, "no", deps, decider=Decider("x", "tool", "client_relayed"))
    await approve(own.trade_id, deps, decider=ANNA)

    assert (await relay(last, deps)).status is TradeStatus.APPROVED


@pytest.mark.parametrize("is_sent", [False, True])
async def test_a_day_ends_at_midnight_in_new_york(is_sent: bool) -> None:
    deps = under_approval(make_deps(), relayed_day_usd=Decimal(50_000))
    first, second = await proposed(deps), await waiting(deps, 1)
    await deps.clock.sleep(timedelta(hours=23 - 8))  # the clock stood at 08:00 there
    await relay(first, deps)
    if is_sent:
        with_quote(deps, Decimal(100), at=deps.clock.now())
        await execute_once(deps, ["ALPHA"])
    with pytest.raises(RefusedError, match="in one day"):
        await relay(second, deps)

    await deps.clock.sleep(timedelta(hours=1))

    assert (await status_of(first, deps) is TradeStatus.COMPLETED) is is_sent
    assert (await relay(second, deps)).status is TradeStatus.APPROVED


@both_stores
async def test_of_eight_relayed_at_once_no_more_pass_than_the_day_allows(
    kind: str, request: pytest.FixtureRequest
) -> None:
    async with deps_on(kind, request) as opened:
        deps = under_approval(opened, relayed_day_usd=Decimal(150_000))
        tickets = [await waiting(deps, number) for number in range(8)]

        answers = await asyncio.gather(
            *(relay(ticket, deps) for ticket in tickets), return_exceptions=True
        )

        refused = [one for one in answers if isinstance(one, RefusedError)]
        assert sum(isinstance(one, Decided) for one in answers) == 3
        assert len(refused) == 5


async def test_caps_that_were_lowered_since_void_the_approval_before_anything_is_sent() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await relay(ticket, deps)

    await execute_once(under_approval(deps, relayed_trade_usd=Decimal(49_999)))

    *_, voided, again = await facts_of(deps, f"trade-{ticket.trade_id}")
    assert isinstance(voided, ApprovalVoided)
    assert "an assistant may pass on for one trade" in voided.reason
    assert isinstance(again, TradeProposed)
    assert venue_of(deps).submitted == []


async def test_of_a_day_above_the_cap_the_executor_keeps_what_was_approved_first() -> None:
    deps = make_deps()
    tickets = [await proposed(deps, account=account) for account in MANAGERS[:3]]
    for ticket in reversed(tickets):
        await relay(ticket, deps)
        await deps.clock.sleep(timedelta(seconds=1))

    capped = under_approval(deps, relayed_day_usd=Decimal(100_000))
    for account in reversed(MANAGERS[:3]):
        await execute_once(capped, [account])

    sent = [len(venue_of(deps, account).submitted) for account in MANAGERS[:3]]
    assert sent == [0, 1, 1]
    assert await status_of(tickets[0], deps) is TradeStatus.PENDING


async def test_lowered_caps_do_not_touch_what_a_person_approved() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await approve(ticket.trade_id, deps, decider=ANNA)

    await execute_once(under_approval(deps, relayed_trade_usd=Decimal(1)))

    assert len(venue_of(deps).submitted) == 1


@relayed_channels
async def test_strict_mode_voids_what_a_model_relayed_before_and_asks_again(
    channel: Channel,
) -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await relay(ticket, deps, channel)

    await execute_once(in_mode(deps, "strict"))

    *_, voided, again = await facts_of(deps, f"trade-{ticket.trade_id}")
    assert isinstance(voided, ApprovalVoided)
    assert "a model relayed the approval" in voided.reason
    assert isinstance(again, TradeProposed)
    assert venue_of(deps).submitted == []


async def test_strict_mode_voids_an_approval_that_was_given_without_the_secret() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await approve(ticket.trade_id, deps, decider=ANNA)

    await execute_once(in_mode(deps, "strict"))

    assert await status_of(ticket, deps) is TradeStatus.PENDING
    assert venue_of(deps).submitted == []


@pytest.mark.parametrize("channel", ["cli", "web"])
async def test_strict_mode_carries_out_what_was_approved_with_the_secret(channel: Channel) -> None:
    deps = in_mode(make_deps(), "strict")
    ticket = await proposed(deps)
    by = Decider("anna", channel, "human_direct")
    await approve(ticket.trade_id, deps, decider=by)

    await execute_once(deps)

    assert len(venue_of(deps).submitted) == 1


@pytest.mark.parametrize("channel", ["cli", "web"])
async def test_strict_mode_takes_no_approval_without_the_secret(channel: Channel) -> None:
    deps = in_mode(make_deps(), "strict")
    ticket = await proposed(deps)

    with pytest.raises(RefusedError, match="council passphrase"):
        await approve(ticket.trade_id, deps, decider=Decider("anna", channel, "local_user"))

    assert await status_of(ticket, deps) is TradeStatus.PENDING


async def test_every_approval_is_told_and_a_relayed_one_loudly() -> None:
    deps = make_deps()
    tickets = [await waiting(deps, number) for number in range(2)]

    with capture_logs() as told:
        await relay(tickets[0], deps)
        await approve(tickets[1].trade_id, deps, decider=HERSELF)

    said = [(line["event"], line["log_level"], line["channel"], line["trust"]) for line in told]
    assert said == [
        ("trade.approved", "warning", "elicitation", "client_relayed"),
        ("trade.approved", "info", "cli", "human_direct"),
    ]
    assert told[0]["undo"] == f"council revoke {tickets[0].trade_id}"
    stored = (await facts_of(deps, f"trade-{tickets[0].trade_id}"))[-1]
    assert isinstance(stored, TradeApproved)
