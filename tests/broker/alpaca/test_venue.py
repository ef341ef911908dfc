"""What a venue's other answers become: values, None, or one sentence for whoever must react."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from broker.alpaca.venue import AlpacaVenue
from broker.errors import (
    AccountMismatch,
    BadCredentials,
    UnknownSymbol,
    VenueRefused,
    VenueUnreachable,
)
from broker.models import Account, Asset, MarketClock, OrderStatus, Position, VenueName
from tests.broker.alpaca.samples import ACCOUNT, ACCOUNT_NUMBER, CLIENT_ORDER_ID, ORDER_ID, order
from tests.broker.alpaca.stub import Planted, Stub, answer, refusal

BY_CLIENT_ID = "GET /v2/orders:by_client_order_id"
LAST_NIGHT = datetime(2026, 11, 19, 21, tzinfo=UTC)
CANCEL = f"DELETE /v2/orders/{ORDER_ID}"

CALLS: dict[str, tuple[str, Callable[[AlpacaVenue], Awaitable[Any]]]] = {
    "account": ("GET /v2/account", lambda venue: venue.account()),
    "asset": ("GET /v2/assets/SPY", lambda venue: venue.asset("SPY")),
    "positions": ("GET /v2/positions", lambda venue: venue.positions()),
    "open_orders": ("GET /v2/orders", lambda venue: venue.open_orders()),
    "orders_since": ("GET /v2/orders", lambda venue: venue.orders_since(LAST_NIGHT)),
    "order": (BY_CLIENT_ID, lambda venue: venue.order_by_client_id(CLIENT_ORDER_ID)),
    "cancel": (CANCEL, lambda venue: venue.cancel(ORDER_ID)),
    "clock": ("GET /v2/clock", lambda venue: venue.clock()),
}
every_call = pytest.mark.parametrize(("route", "call"), CALLS.values(), ids=CALLS.keys())

Call = Callable[[AlpacaVenue], Awaitable[Any]]


async def test_an_account_is_read_without_rounding(venue: AlpacaVenue) -> None:
    assert await venue.account() == Account(
        account_number=ACCOUNT_NUMBER,
        status="ACTIVE",
        cash=Decimal("100000.25"),
        equity=Decimal("99000.5"),
        last_equity=Decimal("99100.75"),
        buying_power=Decimal(198001),
        long_market_value=Decimal(0),
        short_market_value=Decimal("-999.75"),
        shorting_enabled=True,
        trading_blocked=False,
    )
    assert venue.name is VenueName.ALPACA_PAPER


@pytest.mark.parametrize("block", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
async def test_any_block_blocks_trading(stub: Stub, venue: AlpacaVenue, block: str) -> None:
    stub.plant("GET /v2/account", answer({**ACCOUNT, block: True}))

    assert (await venue.account()).trading_blocked


async def test_another_account_number_names_account_expected_and_got(
    stub: Stub, venue: AlpacaVenue
) -> None:
    stub.plant("GET /v2/account", answer({**ACCOUNT, "account_number": "123456789"}))

    with pytest.raises(AccountMismatch) as caught:
        await venue.account()

    for word in ("CLAUDE", ACCOUNT_NUMBER, "123456789"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("flags", "easy"),
    [
        ({"borrow_status": "easy_to_borrow"}, True),
        ({"borrow_status": "hard_to_borrow", "easy_to_borrow": True}, False),
        ({"easy_to_borrow": True}, True),
        ({}, False),
    ],
)
async def test_borrow_status_replaces_easy_to_borrow(
    stub: Stub, venue: AlpacaVenue, flags: dict[str, Any], easy: bool
) -> None:
    asset = {"symbol": "USO", "tradable": True, "shortable": True, "exchange": "NEW", **flags}
    stub.plant("GET /v2/assets/USO", answer(asset))

    assert await venue.asset("USO") == Asset("USO", True, True, easy)


async def test_an_unknown_symbol_is_the_callers_mistake(stub: Stub, venue: AlpacaVenue) -> None:
    stub.plant("GET /v2/assets/ZZZZ", refusal(404, 40410000, "asset not found for ZZZZ"))

    with pytest.raises(UnknownSymbol, match="knows no instrument ZZZZ"):
        await venue.asset("ZZZZ")


async def test_a_symbol_cannot_leave_its_place_in_the_path(stub: Stub, venue: AlpacaVenue) -> None:
    with pytest.raises(VenueUnreachable):
        await venue.asset("../orders?x=1")

    assert stub.received[-1].path == "/v2/assets/..%2Forders%3Fx%3D1"


async def test_a_short_position_is_negative(stub: Stub, venue: AlpacaVenue) -> None:
    row = {
        "symbol": "TLT",
        "qty": "-2478",
        "side": "short",
        "market_value": "-22078.98",
        "avg_entry_price": "8.36",
        "unrealized_pl": "-1362.9",
    }
    stub.plant("GET /v2/positions", answer([row, {**row, "qty": "2478"}]))

    expected = Position(
        symbol="TLT",
        quantity=Decimal(-2478),
        average_entry_price=Decimal("8.36"),
        market_value=Decimal("-22078.98"),
        unrealized_profit=Decimal("-1362.9"),
    )
    assert await venue.positions() == (expected, expected)


async def test_open_orders_may_hold_one_by_notional_and_one_of_a_new_kind(
    stub: Stub, venue: AlpacaVenue
) -> None:
    by_notional = order(qty=None, notional="500", filled_qty="1.5", submitted_at=None)
    stub.plant("GET /v2/orders", answer([by_notional, order(status="restated")]))

    first, second = await venue.open_orders()

    assert first.quantity == Decimal("1.5")
    assert first.submitted_at == datetime(2026, 11, 20, 15, 30, 0, 123456, tzinfo=UTC)
    assert second.status is OrderStatus.UNRECOGNISED
    assert stub.received[-1].query["limit"] == ["500"]


async def test_a_list_of_orders_that_may_be_cut_is_refused(stub: Stub, venue: AlpacaVenue) -> None:
    stub.plant("GET /v2/orders", answer([order()] * 500))

    with pytest.raises(VenueRefused, match="500 open orders or more"):
        await venue.open_orders()


async def test_an_order_is_found_by_our_id(stub: Stub, venue: AlpacaVenue) -> None:
    stub.plant(BY_CLIENT_ID, answer(order(status="filled", filled_at="2026-11-20T15:30:01Z")))

    found = await venue.order_by_client_id(CLIENT_ORDER_ID)

    assert found is not None
    assert found.status is OrderStatus.FILLED
    assert found.filled_at == datetime(2026, 11, 20, 15, 30, 1, tzinfo=UTC)
    assert stub.received[-1].query == {"client_order_id": [CLIENT_ORDER_ID]}


async def test_only_the_venue_itself_can_say_that_there_is_no_such_order(
    stub: Stub, venue: AlpacaVenue
) -> None:
    stub.plant(
        BY_CLIENT_ID,
        refusal(404, 40410000, f"order not found for {CLIENT_ORDER_ID}"),
        Planted(404, "<html>not found</html>", "text/html"),
    )

    assert await venue.order_by_client_id(CLIENT_ORDER_ID) is None
    with pytest.raises(VenueUnreachable):
        await venue.order_by_client_id(CLIENT_ORDER_ID)


async def test_cancelling_a_final_order_leaves_it_as_it_is(stub: Stub, venue: AlpacaVenue) -> None:
    final = refusal(422, 42210000, 'order is already in "filled" state')
    stub.plant(CANCEL, Planted(204, ""), final)

    await venue.cancel(ORDER_ID)
    await venue.cancel(ORDER_ID)

    assert stub.count(CANCEL) == 2


async def test_the_clock_is_in_utc(stub: Stub, venue: AlpacaVenue) -> None:
    stub.plant(
        "GET /v2/clock",
        answer(
            {
                "timestamp": "2026-11-20T10:30:00.987654321-05:00",
                "is_open": True,
                "next_open": "2026-11-23T09:30:00-05:00",
                "next_close": "2026-11-20T16:00:00-05:00",
            }
        ),
    )

    assert await venue.clock() == MarketClock(
        at=datetime(2026, 11, 20, 15, 30, 0, 987654, tzinfo=UTC),
        is_open=True,
        next_open_at=datetime(2026, 11, 23, 14, 30, tzinfo=UTC),
        next_close_at=datetime(2026, 11, 20, 21, 0, tzinfo=UTC),
    )


@every_call
@pytest.mark.parametrize(
    "planted",
    [
        Planted(502, "<html>bad gateway</html>", "text/html"),
        refusal(500, 50010000, "internal server error"),
        answer({"message": "too many requests."}, 429),
        Planted(302, "", headers={"Location": "http://127.0.0.1:9/"}),
        Planted(200, "{garbage"),
        Planted(fault="drop"),
    ],
    ids=["HTML 502", "500", "429", "302", "garbage", "dropped"],
)
async def test_no_usable_answer_means_that_the_venue_is_unreachable(
    stub: Stub, venue: AlpacaVenue, planted: Planted, *, route: str, call: Call
) -> None:
    stub.plant(route, planted)

    with pytest.raises(VenueUnreachable) as caught:
        await call(venue)

    assert "alpaca-paper for CLAUDE" in str(caught.value)
    assert stub.count(route) == 1
    assert caught.value.retryable


@every_call
@pytest.mark.parametrize(
    "planted",
    [
        answer({"message": "unauthorized."}, 401),
        Planted(401, "<html>nginx</html>", "text/html"),
        answer({"message": "forbidden."}, 403),
    ],
    ids=["401", "HTML 401", "403"],
)
async def test_a_key_that_is_not_accepted_is_said_without_the_key(
    stub: Stub, venue: AlpacaVenue, planted: Planted, *, route: str, call: Call
) -> None:
    stub.plant(route, planted)

    with pytest.raises(BadCredentials) as caught:
        await call(venue)

    assert "PKTEST" not in str(caught.value)
    assert caught.value.exit_code == 3


@every_call
async def test_a_no_with_a_code_is_passed_on(
    stub: Stub, venue: AlpacaVenue, *, route: str, call: Call
) -> None:
    stub.plant(route, refusal(403, 40310000, "account is restricted to liquidation only"))

    with pytest.raises(VenueRefused, match=r"liquidation only \(code 40310000\)"):
        await call(venue)


async def test_a_port_that_nobody_listens_on_is_unreachable(
    stub: Stub, make_venue: Callable[..., AlpacaVenue]
) -> None:
    stub.url = "http://127.0.0.1:9"

    with pytest.raises(VenueUnreachable, match="ConnectionError"):
        await make_venue().clock()


async def test_calls_at_the_same_time_wait_for_each_other(stub: Stub, venue: AlpacaVenue) -> None:
    stub.plant("GET /v2/positions", answer([]))

    assert await asyncio.gather(*(venue.positions() for _ in range(20))) == [()] * 20


async def test_many_venues_need_no_thread_before_they_are_asked_and_close_at_once(
    make_venue: Callable[..., AlpacaVenue],
) -> None:
    before = threading.active_count()
    venues = [make_venue() for _ in range(600)]
    opened = threading.active_count()

    async with asyncio.timeout(5):
        await asyncio.gather(*(venue.aclose() for venue in venues))

    assert opened == before
    assert threading.active_count() == before


async def test_a_call_that_hangs_holds_up_the_closing_for_seconds_only(
    stub: Stub, make_venue: Callable[..., AlpacaVenue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.alpaca.worker.CLOSE_SECONDS", 0.01)
    stub.plant("GET /v2/positions", Planted(fault="hang"))
    venue = make_venue(read_timeout_seconds=0.5)
    hanging = asyncio.create_task(venue.positions())
    await stub.was_asked.wait()

    await venue.aclose()

    assert not hanging.done()
    with pytest.raises(VenueUnreachable):
        await hanging


async def test_closing_twice_is_harmless_and_a_later_call_is_unreachable(
    stub: Stub, venue: AlpacaVenue
) -> None:
    await venue.aclose()
    await venue.aclose()

    with pytest.raises(VenueUnreachable, match="is closed"):
        await venue.clock()
