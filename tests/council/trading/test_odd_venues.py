"""A venue or an account that changes between an intent and its order, or contradicts itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from broker.errors import VenueUnreachable
from broker.models import Accepted, Account, OrderRequest, OrderStatus, Quote, SubmitOutcome
from council.model.base import Direction
from council.ports import Deps
from council.trade_facts import DriftDetected, LegClosed, TradingHalted
from council.trading.executor import execute_once
from council.trading.halts import resume
from council.trading.leg_runner import QUARANTINE
from council.trading.lifecycle import TradeStatus, load_trade
from tests.builders import EXPIRES_AT
from tests.council.trading.faults import SlowVenue, ending_of, run, slow_deps
from tests.council.trading.invariants import check_invariants
from tests.council.trading.scenes import ACCOUNT, ANNA, approved, facts_of, venue_of
from tests.council.trading.test_interleavings import intended_and_died
from tests.council.trading.test_reconcile import LaggingVenue
from tests.fakes import FakeMarketData, FakeVenue, make_deps

STREAM = f"account-{ACCOUNT}"


async def drifts_of(deps: Deps) -> list[DriftDetected]:
    return [fact for fact in await facts_of(deps, STREAM) if isinstance(fact, DriftDetected)]


async def test_a_position_changed_by_hand_keeps_back_an_order_that_was_intended_before() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    await intended_and_died(deps)
    venue_of(deps).held["SPY"] = 500

    await run(deps)

    assert venue_of(deps).submitted == []
    assert (await ending_of(deps, ticket.trade_id)).reason == (
        "not_sent: buy 500 SPY: the venue shows 500 SPY where the fills leave 0"
    )
    assert [drift.shown for drift in await drifts_of(deps)] == [500]


async def test_a_position_shown_late_does_not_end_an_order_that_was_intended_before() -> None:
    deps = make_deps()
    venue = LaggingVenue("PA00000001", held={"SPY": 100}, moves=deps.clock)
    deps = replace(deps, desks={ACCOUNT: replace(deps.desks[ACCOUNT], venue=venue)})
    ticket = await approved(deps)
    await intended_and_died(deps)
    venue.lag = {"SPY": 40}

    assert await run(deps) == "settled"

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.COMPLETED


async def test_a_loss_since_the_intent_halts_the_account_before_the_order_leaves() -> None:
    deps = make_deps()
    await approved(deps)
    await intended_and_died(deps)
    venue_of(deps).equity = Decimal(94_000)

    (report,) = await execute_once(deps, [ACCOUNT])

    halts = [fact for fact in await facts_of(deps, STREAM) if isinstance(fact, TradingHalted)]
    assert [halt.channel for halt in halts] == ["limit"]
    assert (report.outcome, venue_of(deps).submitted) == ("blocked", [])


async def test_an_order_replaced_by_somebody_stops_the_account_and_keeps_its_fills() -> None:
    deps = slow_deps((200, OrderStatus.PARTIALLY_FILLED), (200, OrderStatus.REPLACED))
    ticket = await approved(deps)

    first = await run(deps)
    await resume(deps, [ACCOUNT], decider=ANNA)
    await run(deps)

    (closed,) = [fact for fact in await facts_of(deps, STREAM) if isinstance(fact, LegClosed)]
    assert first == "blocked"
    assert "somebody replaced order" in (await ending_of(deps, ticket.trade_id)).reason
    assert (closed.filled_quantity, closed.average_price) == (200, Decimal(100))
    assert await drifts_of(deps) == []


async def test_an_order_that_stays_forgotten_stops_the_account_until_a_person_resumes() -> None:
    deps = slow_deps((200, OrderStatus.PARTIALLY_FILLED))
    venue = venue_of(deps)
    ticket = await approved(deps)
    await execute_once(deps, [ACCOUNT])
    venue.orders.clear()
    await deps.clock.sleep(QUARANTINE)

    (report,) = await execute_once(deps, [ACCOUNT])
    await resume(deps, [ACCOUNT], decider=ANNA)
    await run(deps)

    (closed,) = [fact for fact in await facts_of(deps, STREAM) if isinstance(fact, LegClosed)]
    assert (report.outcome, len(venue.submitted)) == ("blocked", 1)
    assert "does not know order" in (await ending_of(deps, ticket.trade_id)).reason
    assert closed.filled_quantity == 200


async def test_an_opening_that_the_venue_rejects_after_all_leaves_the_account_flat() -> None:
    deps = slow_deps((120, OrderStatus.FILLED), (0, OrderStatus.REJECTED))
    venue_of(deps).held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.SHORT)

    await run(deps)

    reason = (await ending_of(deps, ticket.trade_id)).reason
    assert reason.startswith("flip_open_refused: sell 500 SPY")
    await check_invariants(deps, ticket)


async def test_a_flip_that_expires_between_its_legs_ends_even_without_a_price() -> None:
    deps = make_deps()
    venue = venue_of(deps)
    venue.held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.SHORT)

    def closed_for_the_day(request: OrderRequest) -> SubmitOutcome:
        venue.is_open = False
        return Accepted(venue.fill(request))

    venue.outcomes.append(closed_for_the_day)
    await run(deps)
    await deps.clock.sleep(EXPIRES_AT - deps.clock.now())
    assert isinstance(deps.market_data, FakeMarketData)
    deps.market_data.quotes.clear()
    await run(deps)

    assert (await ending_of(deps, ticket.trade_id)).reason == "the ticket expired"
    assert len(venue.submitted) == 1


class SilentMarket(FakeMarketData):
    """Market data that is away."""

    async def latest_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Tell no price at all."""
        raise VenueUnreachable("Nobody tells a price.")


async def test_a_trade_that_ends_short_ends_though_nobody_tells_a_price() -> None:
    deps = slow_deps((200, OrderStatus.PARTIALLY_FILLED))
    ticket = await approved(deps)
    await execute_once(deps, [ACCOUNT])
    venue = venue_of(deps)
    assert isinstance(venue, SlowVenue)
    venue.steps = [(200, OrderStatus.EXPIRED)]
    silent = replace(deps.desks[ACCOUNT], market_data=SilentMarket(deps.calendar))

    (report,) = await execute_once(replace(deps, desks={ACCOUNT: silent}), [ACCOUNT])

    assert report.outcome == "settled"
    assert (await ending_of(deps, ticket.trade_id)).reason.startswith("open_partly: 200 of 500")


@pytest.mark.parametrize("is_refused", [True, False])
async def test_an_approval_expires_though_its_venue_is_away_or_refused(is_refused: bool) -> None:
    deps = make_deps()
    ticket = await approved(deps)
    venue_of(deps).failure = VenueUnreachable("The venue does not answer.")
    if is_refused:
        deps = replace(deps, desks={}, refused_accounts={ACCOUNT: "its key is another's"})
    await deps.clock.sleep(EXPIRES_AT - deps.clock.now() - timedelta(seconds=1))

    await execute_once(deps, [ACCOUNT])
    before = (await load_trade(deps.store, ticket.trade_id)).status
    await deps.clock.sleep(timedelta(seconds=1))
    await execute_once(deps, [ACCOUNT])

    assert before is TradeStatus.APPROVED
    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.EXPIRED


@dataclass
class BrokenVenue(FakeVenue):
    """A venue behind a programmer's mistake."""

    async def account(self) -> Account:
        """Fail as nobody expected."""
        raise RuntimeError("something nobody expected")


async def test_a_mistake_about_one_account_is_reported_and_the_others_trade_on() -> None:
    deps = make_deps()
    broken = replace(deps.desks["BRAVO"], venue=BrokenVenue())
    await approved(deps)

    reports = await execute_once(
        replace(deps, desks={**deps.desks, "BRAVO": broken}), ["BRAVO", ACCOUNT]
    )

    assert [report.outcome for report in reports] == ["blocked", "settled"]
    assert reports[0].notes == ("the executor failed on BRAVO, its log says where: RuntimeError",)


async def test_a_drift_that_went_away_by_itself_is_told_as_such() -> None:
    deps = make_deps()
    await approved(deps)
    await run(deps)
    for held in (480, 500):
        venue_of(deps).held["SPY"] = held
        await execute_once(deps, [ACCOUNT])

    assert [drift.reason for drift in await drifts_of(deps)] == [
        "the venue shows 480 SPY where the record leaves 500",
        "the venue shows 500 SPY again, as the record leaves it",
    ]


async def test_a_cancel_that_comes_too_late_lets_the_trade_be_done() -> None:
    deps = slow_deps()
    venue = venue_of(deps)
    assert isinstance(venue, SlowVenue)
    venue.is_stuck = True
    ticket = await approved(deps)
    await execute_once(deps, [ACCOUNT])
    venue.steps = [(500, OrderStatus.FILLED)]
    await run(replace(deps, halt_wanted=lambda: "stop"))

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.COMPLETED
    await check_invariants(deps, ticket)
