"""Which orders of an account count for a week and for a day, however its stream was read."""

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
        assert legs.of_week(WEEK_ID) == legs.legs
        assert legs.of_week("2026-11-25") == ()
        assert instruments_entered(legs.of_week(WEEK_ID), WEEK_ID) == {"SPY"}
