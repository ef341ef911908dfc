import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from config.errors import RefusedError, UsageError
from config.ids import trade_id_for
from council.errors import (
    AlreadyDecided,
    ConfirmationWrong,
    TicketChanged,
    TicketExpired,
    UnknownTrade,
)
from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import Channel, TradeApproved, TradeRejected, Trust
from council.trading.approvals import (
    Decided,
    Decider,
    approve,
    expire_due,
    reject,
)
from council.trading.finding import find_trade
from council.trading.lifecycle import TradeStatus, load_trade
from tests.builders import EXPIRES_AT, WEEK_ID
from tests.council.trading.scenes import (
    ANNA,
    approved,
    deps_on,
    facts_of,
    in_mode,
    kinds_of,
    proposed,
    store_proposal,
)
from tests.fakes import make_deps

CONTENDERS = 8
both_stores = pytest.mark.parametrize("kind", ["memory", "postgres"])


def contender(number: int) -> Decider:
    return Decider(f"person-{number}", "cli", "local_user")


@both_stores
async def test_only_one_of_eight_racing_approvals_wins(
    kind: str, request: pytest.FixtureRequest
) -> None:
    async with deps_on(kind, request) as deps:
        ticket = await proposed(deps)

        verdicts = await asyncio.gather(
            *(
                approve(ticket.trade_id, deps, decider=contender(number))
                for number in range(CONTENDERS)
            ),
            return_exceptions=True,
        )

        winners = [verdict for verdict in verdicts if isinstance(verdict, Decided)]
        losers = [verdict for verdict in verdicts if isinstance(verdict, AlreadyDecided)]
        (stored,) = await approvals_of(deps, ticket)
        assert (len(winners), len(losers)) == (1, CONTENDERS - 1)
        assert all(f"already approved by {stored.approver}" in str(loser) for loser in losers)


@both_stores
async def test_of_racing_approvals_and_rejections_exactly_one_stands(
    kind: str, request: pytest.FixtureRequest
) -> None:
    async with deps_on(kind, request) as deps:
        ticket = await proposed(deps)

        verdicts = await asyncio.gather(
            *(approve(ticket.trade_id, deps, decider=contender(n)) for n in range(4)),
            *(reject(ticket.trade_id, "no", deps, decider=contender(n)) for n in range(4)),
            return_exceptions=True,
        )

        facts = await facts_of(deps, f"trade-{ticket.trade_id}")
        assert sum(isinstance(verdict, Decided) for verdict in verdicts) == 1
        assert sum(isinstance(fact, TradeApproved | TradeRejected) for fact in facts) == 1


async def approvals_of(deps: Deps, ticket: Ticket) -> list[TradeApproved]:
    facts = await facts_of(deps, f"trade-{ticket.trade_id}")
    return [fact for fact in facts if isinstance(fact, TradeApproved)]


async def test_an_approval_records_who_through_what_and_for_which_ticket() -> None:
    deps = make_deps()
    ticket = await proposed(deps)

    decided = await approve(ticket.trade_id, deps, decider=ANNA, digest=ticket.digest)

    (fact,) = await approvals_of(deps, ticket)
    assert decided.status is TradeStatus.APPROVED
    assert (fact.approver, fact.channel, fact.trust) == ("anna", "cli", "local_user")
    assert fact.digest == ticket.digest


async def test_approving_twice_is_refused_with_the_first_approver() -> None:
    deps = make_deps()
    ticket = await approved(deps)

    with pytest.raises(AlreadyDecided, match="already approved by anna through cli") as refusal:
        await approve(ticket.trade_id, deps, decider=contender(2))

    assert refusal.value.exit_code == 5
    assert len(await approvals_of(deps, ticket)) == 1


async def test_rejecting_after_the_approval_is_refused() -> None:
    deps = make_deps()
    ticket = await approved(deps)

    with pytest.raises(AlreadyDecided, match="already approved by anna"):
        await reject(ticket.trade_id, "changed my mind", deps, decider=ANNA)


async def test_approving_after_the_rejection_is_refused() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await reject(ticket.trade_id, "too risky", deps, decider=ANNA)

    with pytest.raises(AlreadyDecided, match="already rejected by anna"):
        await approve(ticket.trade_id, deps, decider=ANNA)


async def test_a_rejection_needs_a_reason() -> None:
    deps = make_deps()
    ticket = await proposed(deps)

    with pytest.raises(UsageError, match="needs a reason"):
        await reject(ticket.trade_id, "  ", deps, decider=ANNA)


@pytest.mark.parametrize(("offset", "in_time"), [(-1, True), (0, False), (1, False)])
async def test_an_approval_counts_until_the_last_moment_and_no_longer(
    offset: int, in_time: bool
) -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await deps.clock.sleep(EXPIRES_AT - deps.clock.now() + timedelta(seconds=offset))

    if in_time:
        await approve(ticket.trade_id, deps, decider=ANNA)
    else:
        with pytest.raises(TicketExpired):
            await approve(ticket.trade_id, deps, decider=ANNA)

    last = (await kinds_of(deps, f"trade-{ticket.trade_id}"))[-1]
    assert last == ("TradeApproved" if in_time else "TradeExpired")


async def test_trades_that_nobody_decided_expire_once() -> None:
    deps = make_deps()
    waiting = await proposed(deps)
    taken = await approved(deps, account="BRAVO")
    await deps.clock.sleep(timedelta(days=10))

    first, second = await expire_due(deps), await expire_due(deps)

    assert (first, second) == ((waiting.trade_id,), ())
    assert (await load_trade(deps.store, waiting.trade_id)).status is TradeStatus.EXPIRED
    assert (await load_trade(deps.store, taken.trade_id)).status is TradeStatus.APPROVED


async def test_another_digest_approves_nothing() -> None:
    deps = make_deps()
    ticket = await proposed(deps)

    with pytest.raises(TicketChanged, match=ticket.digest[:4]):
        await approve(ticket.trade_id, deps, decider=ANNA, digest="0" * 64)

    assert await approvals_of(deps, ticket) == []


async def test_a_stored_ticket_that_does_not_fit_its_digest_is_never_approved() -> None:
    deps = make_deps()
    honest = await proposed(deps, account="BRAVO")
    forged = honest.model_copy(
        update={"trade_id": trade_id_for(WEEK_ID, "ALPHA"), "notional_usd": Decimal(1)}
    )
    await store_proposal(deps, forged)

    with pytest.raises(TicketChanged, match="does not fit its digest"):
        await approve(forged.trade_id, deps, decider=ANNA)


@pytest.mark.parametrize("channel", ["tool", "api"])
async def test_a_tool_or_a_program_needs_the_tickets_own_phrase(channel: Channel) -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    tool = Decider("claude-desktop", channel, "client_relayed")

    for phrase in (None, "", "yes", ticket.confirmation.lower(), ticket.confirmation[:-1]):
        with pytest.raises(ConfirmationWrong, match="APPROVE ALPHA LONG 500 SPY"):
            await approve(ticket.trade_id, deps, decider=tool, confirmation=phrase)
    assert await approvals_of(deps, ticket) == []

    await approve(ticket.trade_id, deps, decider=tool, confirmation=f" {ticket.confirmation} ")
    assert len(await approvals_of(deps, ticket)) == 1


@pytest.mark.parametrize("channel", ["api", "tool", "elicitation", "app_card"])
async def test_strict_mode_takes_no_approval_from_a_model(channel: Channel) -> None:
    deps = in_mode(make_deps(), "strict")
    ticket = await proposed(deps)
    relayed = Decider("claude-desktop", channel, "client_relayed")

    with pytest.raises(RefusedError, match="council approve"):
        await approve(ticket.trade_id, deps, decider=relayed, confirmation=ticket.confirmation)

    assert await approvals_of(deps, ticket) == []


@pytest.mark.parametrize(
    ("channel", "trust"),
    [
        ("tool", "human_direct"),
        ("api", "local_user"),
        ("cli", "demo"),
        ("demo", "human_direct"),
    ],
)
async def test_no_channel_may_claim_a_trust_that_is_not_its_own(
    channel: Channel, trust: Trust
) -> None:
    deps = make_deps()
    ticket = await proposed(deps)

    with pytest.raises(RefusedError, match="cannot count as"):
        await approve(
            ticket.trade_id,
            deps,
            decider=Decider("x", channel, trust),
            confirmation=ticket.confirmation,
        )


async def test_an_unknown_trade_is_answered_with_those_that_wait() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    unknown = UUID(int=7)

    with pytest.raises(UnknownTrade, match=str(ticket.trade_id)) as refusal:
        await approve(unknown, deps, decider=ANNA)
    with pytest.raises(UnknownTrade, match=str(ticket.trade_id)):
        await find_trade(deps.store, "nonsense")

    assert refusal.value.exit_code == 2


async def test_a_trade_is_found_by_its_id_or_the_start_of_it() -> None:
    deps = make_deps()
    ticket = await proposed(deps)
    await proposed(deps, account="BRAVO")
    text = str(ticket.trade_id)

    assert await find_trade(deps.store, text.upper()) == ticket.trade_id
    assert await find_trade(deps.store, text[:8]) == ticket.trade_id
    with pytest.raises(UnknownTrade):
        await find_trade(deps.store, text[:3])
