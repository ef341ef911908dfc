"""Reconciling converges in one pass, whatever the venue shows: looking again finds nothing new."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from broker.models import Account, Order, OrderStatus, Side, VenueName
from council.codec import to_event
from council.trade_facts import AccountFact
from council.trading.account_guard import AccountGuard, fold_guard
from council.trading.account_legs import AccountLegs, fold_legs
from council.trading.reconcile import Filing, Sight, findings
from store.events import StoredEvent
from tests.builders import NOW
from tests.council.fact_examples import ORDER_ID, guarding_facts, trading_facts

SYMBOLS = ("SPY", "TLT", "GLD")
FILING = Filing("ALPHA", NOW + timedelta(days=2))

positions = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(-50, 50).filter(bool))
client_order_ids = st.sampled_from(["by-hand", "by-hand-too", "lc-unknown-o1", ORDER_ID])
orders = st.builds(
    lambda client_order_id, symbol, status, filled, hours: Order(
        order_id=f"order-{client_order_id}-{symbol}",
        client_order_id=client_order_id,
        symbol=symbol,
        side=Side.BUY,
        quantity=Decimal(500),
        filled_quantity=Decimal(filled),
        average_fill_price=Decimal(100) if filled else None,
        status=status,
        submitted_at=NOW + timedelta(hours=hours),
        filled_at=None,
        limit_price=None,
    ),
    client_order_ids,
    st.sampled_from(SYMBOLS),
    st.sampled_from([OrderStatus.NEW, OrderStatus.FILLED, OrderStatus.CANCELED]),
    st.integers(0, 500),
    st.integers(-5, 5),
)
sights = st.builds(
    lambda held, listed: Sight(
        VenueName.SIMULATED, make_account(), held, tuple({o.order_id: o for o in listed}.values())
    ),
    positions,
    st.lists(orders, max_size=6),
)


def make_account() -> Account:
    equity, zero = Decimal(100_000), Decimal(0)
    return Account(
        account_number="PA00000001",
        status="ACTIVE",
        cash=equity,
        equity=equity,
        last_equity=equity,
        buying_power=equity,
        long_market_value=zero,
        short_market_value=zero,
        shorting_enabled=True,
        trading_blocked=False,
    )


def stored(facts: tuple[object, ...], after: int = 0) -> list[StoredEvent]:
    """Return the account's facts as the log would hold them."""
    events: list[StoredEvent] = []
    for fact in facts:
        assert hasattr(fact, "stream")
        new = to_event(fact, at=NOW)  # type: ignore[arg-type] # every one here is a Fact
        version = after + len(events) + 1
        events.append(
            StoredEvent(
                version,
                "account-ALPHA",
                version,
                new.event_id,
                new.event_type,
                new.payload,
                new.timestamp,
                None,
                "ALPHA",
                None,
                None,
            )
        )
    return events


HISTORY = stored(
    (
        guarding_facts()[0],
        *(fact for fact in trading_facts() if fact.stream == "account-ALPHA"),
    )
)


@given(st.lists(sights, min_size=1, max_size=4))
def test_looking_again_at_the_same_sight_finds_nothing(seen: list[Sight]) -> None:
    legs, guard = fold_legs(AccountLegs(), HISTORY), fold_guard(AccountGuard(), HISTORY)

    for sight in seen:
        found: tuple[AccountFact, ...] = findings(sight, legs, guard, filing=FILING)
        events = stored(found, guard.version)
        legs, guard = fold_legs(legs, events), fold_guard(guard, events)

        assert findings(sight, legs, guard, filing=FILING) == ()


@given(sights)
def test_no_two_findings_of_one_look_are_the_same_event(sight: Sight) -> None:
    legs, guard = fold_legs(AccountLegs(), HISTORY), fold_guard(AccountGuard(), HISTORY)

    found = findings(sight, legs, guard, filing=FILING)

    ids = [event.event_id for event in stored(found)]
    assert len(set(ids)) == len(ids)


@given(positions)
def test_a_first_look_takes_whatever_is_held(held: dict[str, int]) -> None:
    sight = Sight(VenueName.SIMULATED, make_account(), held, ())

    found = findings(sight, AccountLegs(), AccountGuard(), filing=FILING)
    guard = fold_guard(AccountGuard(), stored(found))

    assert dict(guard.expected) == held
    assert findings(sight, AccountLegs(), guard, filing=FILING) == ()
