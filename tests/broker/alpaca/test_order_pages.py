"""Reading all orders page by page: none is lost or doubled, and the reading ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.alpaca.order_pages import MOST_PAGES, PAGE_SIZE, TooManyOrders, orders_after
from broker.alpaca.venue import AlpacaVenue
from broker.alpaca.wire import order_from
from broker.errors import VenueRefused
from broker.models import Order
from tests.broker.alpaca.samples import order
from tests.broker.alpaca.stub import Stub, answer

START_AT = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
NANOSECONDS = 1_000
SAMPLE = order_from(order())


class Listing:
    """A venue that keeps nanoseconds, answers what came later than `after`, 500 at most."""

    def __init__(self, instants: list[int]) -> None:
        self.orders = [(instant, _order_at(instant, n)) for n, instant in enumerate(instants)]
        self.asked = 0

    async def page(self, query: dict[str, Any]) -> tuple[Order, ...]:
        self.asked += 1
        after = (datetime.fromisoformat(query["after"]) - START_AT) // timedelta(microseconds=1)
        later = [placed for instant, placed in self.orders if instant > after * NANOSECONDS]
        return tuple(later[: query["limit"]])


def _order_at(instant: int, number: int) -> Order:
    at = START_AT + timedelta(microseconds=instant // NANOSECONDS)
    fields = {name: getattr(SAMPLE, name) for name in Order.__slots__}
    return Order(**{**fields, "order_id": str(number), "submitted_at": at})


LARGEST_BURST = 20
bursts = st.lists(
    st.tuples(st.sampled_from((250, 500, 1_000, 3_000)), st.integers(1, LARGEST_BURST)),
    min_size=3,
    max_size=60,
)
"""Nanoseconds since the burst before, and orders in the same instant."""


@settings(max_examples=60, deadline=None)
@given(bursts)
async def test_no_order_is_lost_or_doubled_where_pages_meet(bursts: list[tuple[int, int]]) -> None:
    # The first page is nearly full, so that its end falls into the bursts.
    instants = [number * 10 * NANOSECONDS for number in range(1, PAGE_SIZE - LARGEST_BURST)]
    instant = instants[-1]
    for nanoseconds, count in bursts:
        instant += nanoseconds
        instants += [instant] * count
    listing = Listing(instants)

    found = await orders_after(START_AT, listing.page)

    assert [int(order.order_id) for order in found] == list(range(len(instants)))
    assert listing.asked <= 3 + len(instants) // (PAGE_SIZE // 2)


async def test_more_orders_in_one_instant_than_a_page_holds_are_refused_and_not_cut() -> None:
    listing = Listing([5_000] * PAGE_SIZE)

    with pytest.raises(TooManyOrders, match="500 orders or more stand at"):
        await orders_after(START_AT, listing.page)
    assert listing.asked == 2


async def test_the_number_of_pages_is_bounded() -> None:
    pages = 0

    async def endless(query: dict[str, Any]) -> tuple[Order, ...]:
        nonlocal pages
        pages += 1
        return tuple(_order_at(n * NANOSECONDS, n) for n in range(pages, pages + PAGE_SIZE))

    with pytest.raises(TooManyOrders, match="ask from a later time"):
        await orders_after(START_AT, endless)
    assert pages == MOST_PAGES


async def test_all_orders_of_any_status_are_asked_for_oldest_first(
    stub: Stub, venue: AlpacaVenue
) -> None:
    late, early = order(id="2", status="canceled"), order(id="1", submitted_at=START_AT.isoformat())
    stub.plant("GET /v2/orders", answer([late, early]))

    found = await venue.orders_since(START_AT - timedelta(hours=1))

    assert [order.order_id for order in found] == ["1", "2"]
    assert stub.received[-1].query == {
        "status": ["all"],
        "direction": ["asc"],
        "limit": ["500"],
        "after": ["2026-11-20T14:30:00+00:00"],
    }


async def test_a_list_without_end_is_refused_with_the_accounts_name(
    stub: Stub, venue: AlpacaVenue
) -> None:
    stub.plant("GET /v2/orders", answer([order(id=str(n)) for n in range(PAGE_SIZE)]))

    with pytest.raises(VenueRefused, match="alpaca-paper for CLAUDE: 500 orders or more"):
        await venue.orders_since(START_AT)
