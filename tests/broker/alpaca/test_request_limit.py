"""A venue that says 429 is left alone for as long as it asks; nothing is lost or doubled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from broker.alpaca.budget import BURST
from broker.alpaca.venue import AlpacaVenue
from broker.errors import VenueUnreachable
from broker.models import Accepted, Unknown
from config.clock import VirtualClock
from tests.broker.alpaca.samples import ACCOUNT, order, request
from tests.broker.alpaca.stub import Planted, Stub, answer

POST = "POST /v2/orders"
POSITIONS = "GET /v2/positions"
START_AT = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
TOO_MANY = answer({"message": "too many requests."}, 429)
MakeVenue = Callable[..., AlpacaVenue]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_AT)


def asking_for(header: str, value: str) -> Planted:
    return Planted(429, TOO_MANY.content, headers={header: value})


async def test_twenty_times_429_and_then_the_answer_comes(
    stub: Stub, make_venue: MakeVenue, clock: VirtualClock
) -> None:
    venue = make_venue(clock=clock)
    stub.plant(POSITIONS, *[TOO_MANY] * 20, answer([]))
    told = []

    while stub.count(POSITIONS) < 21:
        try:
            found = await venue.positions()
        except VenueUnreachable as error:
            told.append(str(error))
            await clock.sleep(timedelta(seconds=1))

    assert found == ()
    assert len(told) >= 20
    assert all("the next request may go out in" in sentence for sentence in told)
    assert clock.now() - START_AT < timedelta(minutes=20)


async def test_an_order_that_meets_429_is_unknown_and_sent_again_by_nobody(
    stub: Stub, make_venue: MakeVenue, clock: VirtualClock
) -> None:
    venue = make_venue(clock=clock)
    await venue.account()
    stub.plant(POST, asking_for("Retry-After", "5"), answer(order()))

    first = await venue.submit(request())
    sent_after_first = stub.count(POST)
    second = await venue.submit(request())

    assert isinstance(first, Unknown)
    assert "may go out in 6 seconds" in first.reason
    assert sent_after_first == 1
    assert isinstance(second, Accepted)
    assert clock.now() - START_AT >= timedelta(seconds=5)


async def test_an_order_does_not_wait_through_a_long_pause(
    stub: Stub, make_venue: MakeVenue, clock: VirtualClock
) -> None:
    venue = make_venue(clock=clock)
    stub.plant("GET /v2/account", asking_for("Retry-After", "60"), answer(ACCOUNT))
    stub.plant(POST, answer(order()))
    with pytest.raises(VenueUnreachable):
        await venue.account()

    outcome = await venue.submit(request())

    assert isinstance(outcome, Unknown)
    assert "nothing was sent" in outcome.reason
    assert stub.count(POST) == 0
    assert clock.now() == START_AT


async def test_the_reset_of_the_limit_is_waited_for(
    stub: Stub, make_venue: MakeVenue, clock: VirtualClock
) -> None:
    venue = make_venue(clock=clock)
    reset_at = START_AT + timedelta(seconds=17)
    reset = asking_for("X-RateLimit-Reset", str(int(reset_at.timestamp())))
    stub.plant(POSITIONS, reset, answer([]))
    with pytest.raises(VenueUnreachable, match="in 18 seconds"):
        await venue.positions()

    await venue.positions()

    assert reset_at < clock.now() < reset_at + timedelta(seconds=1)


async def test_every_request_takes_its_turn(
    stub: Stub, make_venue: MakeVenue, clock: VirtualClock
) -> None:
    venue = make_venue(clock=clock)
    stub.plant(POSITIONS, answer([]))

    for _ in range(BURST + 15):
        await venue.positions()

    assert clock.now() - START_AT == timedelta(seconds=6)
