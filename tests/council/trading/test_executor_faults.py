"""What the executor does when the wire, the venue or the process fails in the middle."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from broker.errors import VenueUnreachable
from broker.models import (
    Accepted,
    OrderRequest,
    Refused,
    SubmitOutcome,
    Unknown,
)
from council.model.base import Direction
from council.trade_facts import OrderRefused, SubmitAttempted
from council.trading.executor import execute_once
from council.trading.leg_runner import QUARANTINE
from council.trading.lifecycle import TradeStatus, load_trade
from tests.builders import EXPIRES_AT
from tests.council.trading.faults import Killed, dying_at, ending_of, run, slow_deps
from tests.council.trading.invariants import check_invariants
from tests.council.trading.scenes import (
    ACCOUNT,
    approved,
    facts_of,
    kinds_of,
    venue_of,
    with_quote,
)
from tests.fakes import FakeVenue, make_deps

NO_POWER = Refused(40310000, "insufficient buying power")
Outcome = Callable[[OrderRequest], SubmitOutcome]


FAILPOINTS = (
    "exec.before_intent",
    "exec.after_intent",
    "exec.before_post",
    "exec.after_post",
    "exec.before_record",
    "exec.between_legs",
)


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.parametrize("name", FAILPOINTS)
async def test_a_kill_at_any_point_of_a_flip_is_made_good_by_the_next_run(
    name: str, time: int
) -> None:
    deps = make_deps()
    venue_of(deps).held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.SHORT)

    with pytest.raises(Killed):
        await execute_once(replace(deps, failpoint=dying_at(name, time=time)), [ACCOUNT])
    await run(deps)

    state = await load_trade(deps.store, ticket.trade_id)
    assert state.status is TradeStatus.COMPLETED
    assert len(venue_of(deps).submitted) == 2
    await check_invariants(deps, ticket)


async def test_a_lost_reply_is_adopted_and_nothing_is_sent_twice() -> None:
    deps = make_deps()
    venue = venue_of(deps)
    venue.outcomes.append(accepting_silently(venue))
    ticket = await approved(deps)

    assert await run(deps) == "settled"

    assert len(venue.submitted) == 1
    assert "SubmitUnknown" in await kinds_of(deps, f"account-{ACCOUNT}")
    await check_invariants(deps, ticket)


def accepting_silently(venue: FakeVenue) -> Outcome:
    def outcome(request: OrderRequest) -> SubmitOutcome:
        venue.fill(request)
        return Unknown("no reply within 10 s")

    return outcome


def losing(request: OrderRequest) -> SubmitOutcome:
    return Unknown("connection reset")


async def test_a_lost_request_is_sent_again_under_the_same_id() -> None:
    deps = make_deps()
    venue = venue_of(deps)
    venue.outcomes += [losing, losing]
    ticket = await approved(deps)

    assert await run(deps) == "settled"

    assert len({request.client_order_id for request in venue.submitted}) == 1
    assert len(venue.submitted) == 3
    await check_invariants(deps, ticket)


async def test_a_late_order_is_adopted_when_the_venue_says_that_the_id_is_taken() -> None:
    deps = make_deps()
    venue = venue_of(deps)

    def late(request: OrderRequest) -> SubmitOutcome:
        venue.fill(request)
        return Refused(40010001, "client_order_id must be unique")

    venue.outcomes += [losing, late]
    ticket = await approved(deps)

    assert await run(deps) == "settled"

    await check_invariants(deps, ticket)


async def test_an_id_that_is_taken_at_the_first_send_is_no_refusal() -> None:
    deps = make_deps()
    venue = venue_of(deps)

    def sent_by_a_zombie(request: OrderRequest) -> SubmitOutcome:
        venue.fill(request)
        return Refused(42210000, "client_order_id must be unique")

    venue.outcomes.append(sent_by_a_zombie)
    ticket = await approved(deps)

    assert await run(deps) == "settled"

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.COMPLETED
    await check_invariants(deps, ticket)


async def test_an_accepted_order_that_the_venue_forgets_is_not_sent_again() -> None:
    deps = slow_deps()
    venue = venue_of(deps)
    await approved(deps)
    await execute_once(deps, [ACCOUNT])
    venue.orders.clear()

    (report,) = await execute_once(deps, [ACCOUNT])

    assert report.outcome == "working"
    assert len(venue.submitted) == 1


async def test_a_first_refusal_is_final() -> None:
    deps = make_deps()
    venue_of(deps).outcomes.append(lambda _: NO_POWER)
    ticket = await approved(deps)

    assert await run(deps) == "settled"

    refusal = (await ending_of(deps, ticket.trade_id)).reason
    assert refusal == "refused: buy 500 SPY: insufficient buying power (40310000)"
    assert len(venue_of(deps).submitted) == 1
    await check_invariants(deps, ticket)


async def test_a_refused_opening_of_a_flip_leaves_the_account_flat() -> None:
    deps = make_deps()
    venue = venue_of(deps)
    venue.held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.SHORT)
    venue.outcomes += [lambda request: Accepted(venue.fill(request)), lambda _: NO_POWER]

    await run(deps)

    assert (await ending_of(deps, ticket.trade_id)).reason.startswith("flip_open_refused")
    assert venue.held["SPY"] == 0
    await check_invariants(deps, ticket)


async def test_a_refusal_after_an_unknown_attempt_closes_nothing() -> None:
    deps = make_deps()
    venue = venue_of(deps)
    venue.outcomes += [losing, lambda _: NO_POWER]
    await approved(deps)

    assert await run(deps) == "working"

    assert "LegClosed" not in await kinds_of(deps, f"account-{ACCOUNT}")
    assert len(venue.submitted) == 2


async def test_an_order_that_turns_up_after_a_doubtful_refusal_is_adopted() -> None:
    deps = make_deps()
    venue = venue_of(deps)
    venue.outcomes += [losing, lambda _: NO_POWER]
    ticket = await approved(deps)
    await run(deps)
    venue.fill(venue.submitted[0])

    assert await run(deps) == "settled"

    await check_invariants(deps, ticket)


async def test_a_doubtful_refusal_is_final_once_no_late_order_can_come() -> None:
    deps = make_deps()
    venue_of(deps).outcomes += [losing, lambda _: NO_POWER]
    ticket = await approved(deps)
    await run(deps)
    await deps.clock.sleep(QUARANTINE)

    assert await run(deps) == "settled"

    facts = await facts_of(deps, f"account-{ACCOUNT}")
    (refused,) = [fact for fact in facts if isinstance(fact, OrderRefused)]
    assert refused.code == 40310000
    await check_invariants(deps, ticket)


async def test_a_venue_that_cannot_be_asked_is_sent_nothing() -> None:
    deps = make_deps()
    await approved(deps)
    dying = replace(deps, failpoint=dying_at("exec.after_intent"))
    with pytest.raises(Killed):
        await execute_once(dying, [ACCOUNT])
    venue_of(deps).failure = VenueUnreachable("The venue does not answer.")

    (report,) = await execute_once(deps, [ACCOUNT])

    assert report.outcome == "unreachable"
    assert venue_of(deps).submitted == []


async def test_an_order_that_is_not_ours_under_our_id_stops_the_account() -> None:
    deps = make_deps()
    venue = venue_of(deps)

    def another_order(request: OrderRequest) -> SubmitOutcome:
        venue.fill(replace(request, quantity=Decimal(7)))
        return Unknown("no reply")

    venue.outcomes.append(another_order)
    ticket = await approved(deps)

    first, second = await run(deps), await run(deps)

    assert (first, second) == ("blocked", "blocked")
    assert "is buy 7 SPY, not buy 500 SPY" in (await ending_of(deps, ticket.trade_id)).reason

    venue.orders.clear()  # even if the stranger goes away again

    assert await run(deps) == "blocked"
    assert len(venue.submitted) == 1


async def test_an_intent_that_was_never_sent_is_dropped_when_the_ticket_expires() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    dying = replace(deps, failpoint=dying_at("exec.after_intent"))
    with pytest.raises(Killed):
        await execute_once(dying, [ACCOUNT])
    await deps.clock.sleep(EXPIRES_AT - deps.clock.now())

    assert await run(deps) == "settled"

    assert venue_of(deps).submitted == []
    await check_invariants(deps, ticket)


async def test_the_band_is_looked_at_again_before_a_send_is_repeated() -> None:
    deps = make_deps()
    venue = venue_of(deps)

    def losing_while_the_market_falls(request: OrderRequest) -> SubmitOutcome:
        with_quote(deps, Decimal(90))
        return Unknown("connection reset")

    venue.outcomes.append(losing_while_the_market_falls)
    ticket = await approved(deps)

    assert await run(deps) == "working"
    await deps.clock.sleep(QUARANTINE)
    assert await run(deps) == "settled"

    assert len(venue.submitted) == 1
    await check_invariants(deps, ticket)


async def test_every_send_is_announced_before_it_leaves() -> None:
    deps = make_deps()
    venue = venue_of(deps)
    announced: list[int] = []

    def look_at_the_log(name: str) -> None:
        if name == "exec.before_post":
            announced.append(len(venue.submitted))

    venue.outcomes.append(losing)
    await approved(deps)
    await run(replace(deps, failpoint=look_at_the_log))

    facts = await facts_of(deps, f"account-{ACCOUNT}")
    attempts = [fact.number for fact in facts if isinstance(fact, SubmitAttempted)]
    assert attempts == [1, 2]
    assert announced == [0, 1]
