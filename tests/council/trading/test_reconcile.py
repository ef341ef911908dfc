"""What the executor does where the venue shows what the record does not explain."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from broker.models import (
    Order,
    OrderRequest,
    OrderStatus,
    Position,
    Side,
    SubmitOutcome,
    Unknown,
    VenueName,
)
from config.ids import meaning_id
from council.model.base import Direction
from council.ports import Deps
from council.trade_facts import DriftDetected, LegClosed, TradingHalted
from council.trading.account_guard import load_guard
from council.trading.executor import execute_once
from council.trading.halts import accept_drift, resume
from council.trading.lifecycle import TradeStatus, load_trade
from tests.builders import NOW
from tests.council.trading.faults import run
from tests.council.trading.scenes import (
    ACCOUNT,
    ANNA,
    approved,
    facts_of,
    kinds_of,
    venue_of,
    with_quote,
)
from tests.fakes import FakeVenue, make_deps

STREAM = f"account-{ACCOUNT}"
EXIT_ID = meaning_id("trade", "an exit")


def foreign_order(client_order_id: str = "by-hand", symbol: str = "SPY") -> Order:
    return Order(
        order_id=f"order-{client_order_id}",
        client_order_id=client_order_id,
        symbol=symbol,
        side=Side.SELL,
        quantity=Decimal(20),
        filled_quantity=Decimal(20),
        average_fill_price=Decimal(100),
        status=OrderStatus.FILLED,
        submitted_at=NOW + timedelta(days=1),
        filled_at=NOW + timedelta(days=1),
        limit_price=None,
    )


async def settled_long(deps: Deps) -> None:
    """Let the account buy 500 SPY, wholly by the book."""
    await approved(deps)
    assert await run(deps) == "settled"


async def drifts_of(deps: Deps) -> list[DriftDetected]:
    return [fact for fact in await facts_of(deps, STREAM) if isinstance(fact, DriftDetected)]


async def test_what_was_held_at_the_first_look_is_no_drift() -> None:
    deps = make_deps()
    venue_of(deps).held["GLD"] = 40

    await execute_once(deps, [ACCOUNT])
    await execute_once(deps, [ACCOUNT])

    assert await kinds_of(deps, STREAM) == ["AccountObserved"]


async def test_a_second_look_at_a_settled_account_writes_nothing() -> None:
    deps = make_deps()
    await settled_long(deps)
    before = await kinds_of(deps, STREAM)

    await execute_once(deps, [ACCOUNT])
    await execute_once(deps, [ACCOUNT])

    assert await kinds_of(deps, STREAM) == before


async def test_a_position_changed_by_hand_freezes_its_instrument_until_a_person_accepts_it() -> (
    None
):
    deps = make_deps()
    await settled_long(deps)
    venue_of(deps).held["SPY"] = 480
    exit_ticket = await approved(deps, direction=Direction.FLAT, trade_id=EXIT_ID)

    (frozen,) = await execute_once(deps, [ACCOUNT])
    await execute_once(deps, [ACCOUNT])
    sent_while_frozen = len(venue_of(deps).submitted)
    await accept_drift(deps, ACCOUNT, "SPY", decider=ANNA)
    assert await run(deps) == "settled"

    (drift,) = await drifts_of(deps)
    assert (drift.symbol, drift.expected, drift.shown) == ("SPY", 500, 480)
    assert (frozen.outcome, sent_while_frozen) == ("blocked", 1)
    assert any("accept-drift ALPHA SPY" in note for note in frozen.notes)
    assert venue_of(deps).held["SPY"] == 0
    state = await load_trade(deps.store, exit_ticket.trade_id)
    assert state.status is TradeStatus.COMPLETED


async def test_another_instrument_of_the_account_is_not_frozen_by_a_drift_to_nothing() -> None:
    deps = make_deps()
    venue_of(deps).held["GLD"] = 40
    await execute_once(deps, [ACCOUNT])
    venue_of(deps).held["GLD"] = 0
    ticket = await approved(deps)

    await run(deps)

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.COMPLETED
    assert "GLD" in (await load_guard(deps.store, ACCOUNT)).frozen


@dataclass
class LaggingVenue(FakeVenue):
    """A venue that shows a position late, the first time that it is asked."""

    lag: dict[str, int] = field(default_factory=dict)

    async def positions(self) -> tuple[Position, ...]:
        """Show what is held less `lag`, once."""
        held = self.held
        self.held = {symbol: count - self.lag.get(symbol, 0) for symbol, count in held.items()}
        shown = await super().positions()
        self.held, self.lag = held, {}
        return shown


async def test_a_position_that_the_venue_shows_late_is_no_drift() -> None:
    deps = make_deps()
    await settled_long(deps)
    venue = LaggingVenue("PA00000001", held={"SPY": 500}, lag={"SPY": 20})
    desk = replace(deps.desks[ACCOUNT], venue=venue)

    await execute_once(replace(deps, desks={ACCOUNT: desk}), [ACCOUNT])

    assert await drifts_of(deps) == []


async def test_an_order_of_somebody_else_is_told_once() -> None:
    deps = make_deps()
    await settled_long(deps)
    venue_of(deps).foreign.append(foreign_order())
    venue_of(deps).held["SPY"] = 480

    for _ in range(3):
        await execute_once(deps, [ACCOUNT])

    (drift,) = await drifts_of(deps)
    assert drift.reason == "somebody else ordered sell 20 SPY"
    assert drift.order_id == "order-by-hand"


async def test_an_order_with_our_id_that_nobody_recorded_halts_the_account() -> None:
    deps = make_deps()
    await settled_long(deps)
    venue_of(deps).foreign.append(foreign_order("lc-from-a-lost-record-o1"))

    (report,) = await execute_once(deps, [ACCOUNT])
    await resume(deps, [ACCOUNT], decider=ANNA)
    await execute_once(deps, [ACCOUNT])

    halts = [fact for fact in await facts_of(deps, STREAM) if isinstance(fact, TradingHalted)]
    assert [(halt.by, halt.channel) for halt in halts] == [("executor", "guard")]
    assert "does not know" in halts[0].reason
    assert report.outcome == "blocked"


async def test_an_order_cancelled_by_somebody_else_is_a_drift_and_is_not_sent_again() -> None:
    deps = make_deps()
    await settled_long(deps)
    (order,) = venue_of(deps).orders.values()
    venue_of(deps).orders[order.client_order_id] = replace(
        order, status=OrderStatus.CANCELED, submitted_at=NOW + timedelta(hours=1)
    )

    await execute_once(deps, [ACCOUNT])

    (drift,) = await drifts_of(deps)
    assert drift.reason == "somebody else cancelled the order buy 500 SPY"
    assert len(venue_of(deps).submitted) == 1


async def test_fills_that_the_record_lacks_are_a_drift() -> None:
    deps = make_deps()
    await settled_long(deps)
    (order,) = venue_of(deps).orders.values()
    venue_of(deps).orders[order.client_order_id] = replace(
        order, filled_quantity=Decimal(499), submitted_at=NOW + timedelta(hours=1)
    )

    await execute_once(deps, [ACCOUNT])

    assert "filled 499 where the record says 500" in (await drifts_of(deps))[0].reason


async def test_an_account_that_moves_to_another_number_is_observed_anew() -> None:
    deps = make_deps()
    await settled_long(deps)
    desk = deps.desks[ACCOUNT]
    account = desk.account.model_copy(update={"account_number": "PA00000099"})
    moved = replace(desk, account=account, venue=type(venue_of(deps))("PA00000099"))

    await execute_once(replace(deps, desks={ACCOUNT: moved}), [ACCOUNT])

    guard = await load_guard(deps.store, ACCOUNT)
    assert guard.observed is not None
    assert (guard.observed.number, guard.observed.account_number) == (2, "PA00000099")
    assert dict(guard.expected) == {}


async def test_another_order_under_our_id_halts_until_a_person_resumes_and_lets_go_of_it() -> None:
    deps = make_deps()
    venue = venue_of(deps)
    ticket = await approved(deps)
    planted = replace(foreign_order(), quantity=Decimal(7), submitted_at=NOW + timedelta(days=1))

    def collide(request: OrderRequest) -> SubmitOutcome:
        order_id = request.client_order_id
        venue.orders[order_id] = replace(planted, client_order_id=order_id)
        return Unknown("no reply")

    venue.outcomes.append(collide)
    (report,) = await execute_once(deps, [ACCOUNT])
    await resume(deps, [ACCOUNT], decider=ANNA)
    await execute_once(deps, [ACCOUNT])

    assert report.outcome == "blocked"
    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.INCOMPLETE
    last = [fact for fact in await facts_of(deps, STREAM) if isinstance(fact, LegClosed)]
    assert [closed.filled_quantity for closed in last] == [0]
    assert len(venue.submitted) == 1


@pytest.mark.parametrize("seconds", [3, -3])
async def test_a_venue_whose_clock_is_off_gets_no_order(seconds: int) -> None:
    deps = make_deps()
    venue = venue_of(deps)
    venue.now_at, venue.moves = NOW + timedelta(seconds=seconds), None
    await approved(deps)

    (report,) = await execute_once(deps, [ACCOUNT])

    assert report.outcome == "waiting"
    assert "clock" in report.notes[-1]
    assert venue.submitted == []


async def test_a_ticket_for_one_venue_is_not_carried_out_at_another() -> None:
    deps = make_deps()
    await approved(deps)
    venue_of(deps).name = VenueName.ALPACA_PAPER

    (report,) = await execute_once(deps, [ACCOUNT])

    assert report.outcome == "waiting"
    assert venue_of(deps).submitted == []


async def test_an_account_that_lost_too_much_today_is_halted_once_a_day() -> None:
    deps = make_deps()
    await settled_long(deps)
    venue_of(deps).equity = Decimal(94_000)

    (report,) = await execute_once(deps, [ACCOUNT])
    await resume(deps, [ACCOUNT], decider=ANNA)
    await execute_once(deps, [ACCOUNT])

    halts = [fact for fact in await facts_of(deps, STREAM) if isinstance(fact, TradingHalted)]
    assert [halt.channel for halt in halts] == ["limit"]
    assert "limit daily_loss" in halts[0].reason
    assert report.outcome == "blocked"


async def test_an_order_beyond_a_limit_ends_its_trade_and_names_the_limit() -> None:
    deps = make_deps()
    ticket = await approved(deps, equity_share=Decimal("1"))
    venue_of(deps).equity = venue_of(deps).last_equity = Decimal(90_000)

    await run(deps)

    last = (await facts_of(deps, f"trade-{ticket.trade_id}"))[-1]
    assert "limit gross_exposure" in getattr(last, "reason", "")
    assert venue_of(deps).submitted == []


async def test_an_old_quote_is_waited_out() -> None:
    deps = make_deps()
    await approved(deps)
    with_quote(deps, Decimal(100), at=NOW - timedelta(minutes=5))

    (report,) = await execute_once(deps, [ACCOUNT])

    assert report.outcome == "waiting"
    assert "limit quote_age_seconds" in report.notes[-1]
    assert venue_of(deps).submitted == []
