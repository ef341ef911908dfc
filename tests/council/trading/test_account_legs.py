"""Which orders of an account count for a week and for a day, however its stream was read."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from config.clock import NEW_YORK
from config.schema import RiskLimits
from council.model.base import Direction
from council.ports import Deps
from council.trading.account_legs import AccountLegs, fold_legs
from council.trading.executor import run_until_settled
from council.trading.history import instruments_entered, shares_traded
from store.events import StoredEvent
from tests.builders import NOW, WEEK_ID, make_config, make_risk
from tests.council.trading.faults import MINUTE, ending_of
from tests.council.trading.scenes import ACCOUNT, approved, venue_of
from tests.fakes import make_deps

TODAY = NOW.astimezone(NEW_YORK).date()
ORDERS = 150
LATE = datetime(TODAY.year, TODAY.month, TODAY.day, 23, 59, tzinfo=NEW_YORK)


async def long_then_short(deps: Deps) -> UUID:
    """Trade twice on one day; return the id of the second trade."""
    for direction in (Direction.LONG, Direction.SHORT):
        ticket = await approved(deps, direction=direction, trade_id=uuid4())
        await run_until_settled(deps, [ACCOUNT], timeout=MINUTE)
    return ticket.trade_id


def sent_again_after_midnight(events: tuple[StoredEvent, ...]) -> list[StoredEvent]:
    """Return `events` with every order sent late in the evening, and the last once more."""
    late = [event._replace(timestamp=LATE) for event in events]
    last = max(n for n, event in enumerate(late) if event.event_type == "SubmitAttempted")
    return [*late, late[last]._replace(timestamp=LATE + timedelta(minutes=2))]


def many_orders(events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """Return what became of one order as often as years of weeks have orders, two a week."""
    first, *_ = (event for event in events if event.event_type == "LegIntended")
    order_id = first.payload["client_order_id"]
    own = [event for event in events if event.payload.get("client_order_id") == order_id]
    return [
        event._replace(
            payload={**event.payload, "client_order_id": f"order-{number}",
                     "trade_id": str(UUID(int=number)), "week_id": f"week {number // 2}"},
            timestamp=event.timestamp + timedelta(days=number // 2),
            version=number * len(own) + place + 1,
        )
        for number in range(ORDERS)
        for place, event in enumerate(own)
    ]  # fmt: skip


async def test_years_of_orders_are_found_like_new_ones_however_they_were_read() -> None:
    deps = make_deps()
    await long_then_short(deps)
    events = many_orders(await deps.store.read_stream(f"account-{ACCOUNT}"))

    whole, state = fold_legs(AccountLegs(), events), AccountLegs()
    for event in events:
        state = fold_legs(state, [event])

    assert state == whole
    assert (whole.version, whole.unfinished) == (len(events), None)
    assert len(whole.newest) < ORDERS / 2
    legs = [whole.leg(f"order-{number}") for number in range(ORDERS)]
    for number, leg in enumerate(legs):
        pair = tuple(legs[number - number % 2 :][:2])
        assert leg.closed is not None
        assert whole.of_trade(UUID(int=number)) == (leg,)
        assert whole.of_week(f"week {number // 2}") == pair
        assert whole.sent_on(TODAY + timedelta(days=number // 2)) == pair
    assert whole.known("order-none") is None


async def test_what_is_told_late_of_an_old_order_is_kept() -> None:
    deps = make_deps()
    await long_then_short(deps)
    events = many_orders(await deps.store.read_stream(f"account-{ACCOUNT}"))
    closed = next(event for event in events if event.event_type == "LegClosed")
    late = closed._replace(
        payload={**closed.payload, "filled_quantity": 7}, version=len(events) + 1
    )

    legs = fold_legs(fold_legs(AccountLegs(), events), [late])

    assert legs.leg("order-0").filled == 7
    assert legs.of_trade(UUID(int=0)) == (legs.leg("order-0"),)
    assert legs.leg("order-1").filled != 7


async def test_the_days_limit_counts_what_an_earlier_trade_bought_and_sold() -> None:
    risk = make_risk(limits=RiskLimits(shares_a_day=1_400))
    deps = make_deps(make_config().model_copy(update={"risk": risk}))

    ending = await ending_of(deps, await long_then_short(deps))

    assert ending.reason == (
        "limit shares_a_day: 1,500 shares would be traded today of at most 1,400"
    )
    assert venue_of(deps).held["SPY"] == 0


async def test_an_order_counts_for_its_week_and_for_the_day_on_which_it_was_last_sent() -> None:
    deps = make_deps()
    await long_then_short(deps)
    events = sent_again_after_midnight(await deps.store.read_stream(f"account-{ACCOUNT}"))

    for split in range(len(events)):
        legs = fold_legs(fold_legs(AccountLegs(), events[:split]), events[split:])

        sent = [
            shares_traded(legs.sent_on(TODAY + timedelta(n)), TODAY + timedelta(n)) for n in (0, 1)
        ]
        assert sent == [1_000, 500]
        assert legs.of_week(WEEK_ID) == legs.newest
        assert legs.of_week("2026-11-25") == ()
        assert instruments_entered(legs.of_week(WEEK_ID), WEEK_ID) == {"SPY"}
