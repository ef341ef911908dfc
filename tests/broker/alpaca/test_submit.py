"""What becomes of an order's answer: accepted, refused, or nobody knows; and sent once only."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from broker.alpaca.venue import REFUSED_HERE, AlpacaVenue
from broker.models import Accepted, OrderStatus, Refused, Unknown
from tests.broker.alpaca.samples import ACCOUNT, ORDER_ID, order, request
from tests.broker.alpaca.stub import Planted, Stub, answer, refusal

POST = "POST /v2/orders"


async def test_an_accepted_order_comes_back_exact(stub: Stub, venue: AlpacaVenue) -> None:
    stub.plant(POST, answer(order(filled_qty="3", filled_avg_price="640.1234", limit_price="641")))

    outcome = await venue.submit(request())

    assert isinstance(outcome, Accepted)
    placed = outcome.order
    assert (placed.order_id, placed.status) == (ORDER_ID, OrderStatus.PENDING_NEW)
    assert (placed.quantity, placed.filled_quantity) == (Decimal(10), Decimal(3))
    assert (placed.average_fill_price, placed.limit_price) == (Decimal("640.1234"), Decimal(641))
    assert placed.submitted_at == datetime(2026, 11, 20, 15, 30, 0, 123456, tzinfo=UTC)
    assert placed.filled_at is None


async def test_an_order_goes_out_for_the_day_in_whole_shares_with_its_intent(
    stub: Stub, venue: AlpacaVenue
) -> None:
    stub.plant(POST, answer(order()))

    await venue.submit(request(limit_price="641.10"))

    assert stub.received[-1].body == {
        "symbol": "SPY",
        "qty": "10",
        "side": "buy",
        "type": "limit",
        "limit_price": "641.10",
        "time_in_force": "day",
        "client_order_id": request().client_order_id,
        "position_intent": "buy_to_open",
    }
    assert stub.received[-1].headers["apca-api-key-id"] == "PKTEST"


@pytest.mark.parametrize("quantity", ["10.0", "1E+1"])
async def test_a_whole_number_is_sent_as_an_integer(
    stub: Stub, venue: AlpacaVenue, quantity: str
) -> None:
    stub.plant(POST, answer(order()))

    await venue.submit(request(quantity))

    assert stub.received[-1].body["qty"] == "10"
    assert stub.received[-1].body["type"] == "market"


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "NaN", "sNaN", "Infinity", "1E+99"])
async def test_what_is_no_whole_number_of_shares_is_refused_unsent(
    stub: Stub, venue: AlpacaVenue, quantity: str
) -> None:
    outcome = await venue.submit(request(quantity))

    assert isinstance(outcome, Refused)
    assert outcome.code == REFUSED_HERE
    assert stub.received == []


@pytest.mark.parametrize("limit_price", ["0", "-1", "NaN", "Infinity"])
async def test_a_limit_that_is_no_price_is_refused_unsent(
    stub: Stub, venue: AlpacaVenue, limit_price: str
) -> None:
    outcome = await venue.submit(request(limit_price=limit_price))

    assert isinstance(outcome, Refused)
    assert stub.received == []


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (400, Refused(40010000, "failed to decode request body")),
        (403, Refused(40310000, "insufficient buying power")),
        (403, Refused(40310000, "potential wash trade detected. use complex orders")),
        (422, Refused(40010001, "client_order_id must be unique")),
        (422, Refused(42210000, "client_order_id must be unique")),
        (422, Refused(42210000, 'asset "LQD" cannot be sold short')),
    ],
)
async def test_a_4xx_with_a_code_is_refused(
    stub: Stub, venue: AlpacaVenue, status: int, refused: Refused
) -> None:
    stub.plant(POST, refusal(status, refused.code, refused.message))

    assert await venue.submit(request()) == refused


UNCLEAR = {
    "401 without code": answer({"message": "unauthorized."}, 401),
    "401 as HTML": Planted(401, "<html>nginx</html>", "text/html"),
    "401 with code": refusal(401, 40110000, "unauthorized."),
    "403 without code": answer({"message": "forbidden."}, 403),
    "404 of something in between": Planted(404, "<html>not here</html>", "text/html"),
    "429": answer({"message": "too many requests."}, 429),
    "429 with code": refusal(429, 42910000, "too many requests."),
    "422 with a code in words": answer({"code": "x", "message": "no"}, 422),
    "422 with a truth value": answer({"code": True, "message": "no"}, 422),
    "422 of a list": answer([1], 422),
    "302": Planted(302, "", headers={"Location": "/elsewhere"}),
    "307 to itself": Planted(307, "", headers={"Location": "/v2/orders"}),
    "500": refusal(500, 50010000, "internal server error"),
    "502 as HTML": Planted(502, "<html>bad gateway</html>", "text/html"),
    "504 as HTML": Planted(504, "<html>timeout</html>", "text/html"),
    "504 as JSON": refusal(504, 50410000, "timeout"),
    "200 of garbage": Planted(200, "{garbage"),
    "200 of nothing": Planted(200, ""),
    "200 of HTML": Planted(200, "<html>sign in</html>", "text/html"),
    "200 of a list": answer([]),
    "200 of a deep list": Planted(200, "[" * 100_000),
    "200 without fields": answer({}),
    "200 with a strange number": answer(order(qty="ten")),
    "200 with infinity": answer(order(qty="Infinity")),
    "200 without a time zone": answer(order(submitted_at="2026-11-20T10:30:00")),
    "200 of another order": answer(order(client_order_id="another")),
    "dropped": Planted(fault="drop"),
    "cut": Planted(200, '{"id": "x"}', fault="cut"),
}


@pytest.mark.parametrize("planted", UNCLEAR.values(), ids=UNCLEAR.keys())
async def test_whatever_is_no_clear_answer_is_unknown_and_sent_once(
    stub: Stub, venue: AlpacaVenue, planted: Planted
) -> None:
    stub.plant(POST, planted, answer(order()))

    outcome = await venue.submit(request())

    assert isinstance(outcome, Unknown)
    assert outcome.reason
    assert stub.count(POST) == 1


async def test_a_hanging_venue_is_unknown_after_the_read_timeout(
    stub: Stub, make_venue: Callable[..., AlpacaVenue]
) -> None:
    stub.plant(POST, Planted(fault="hang"))
    venue = make_venue(read_timeout_seconds=0.3)

    outcome = await venue.submit(request())

    assert outcome == Unknown("no answer (ReadTimeout)")
    assert stub.count(POST) == 1


async def test_a_call_has_a_deadline_of_its_own(
    stub: Stub, make_venue: Callable[..., AlpacaVenue]
) -> None:
    stub.plant(POST, Planted(fault="hang"))
    venue = make_venue(read_timeout_seconds=1.0, deadline_seconds=0.2)

    outcome = await venue.submit(request())

    assert isinstance(outcome, Unknown)
    assert "no answer within 0.2 seconds" in outcome.reason


async def test_a_status_that_nobody_knows_yet_is_unrecognised(
    stub: Stub, venue: AlpacaVenue
) -> None:
    stub.plant(POST, answer(order(status="brand_new_status")))

    outcome = await venue.submit(request())

    assert isinstance(outcome, Accepted)
    assert outcome.order.status is OrderStatus.UNRECOGNISED
    assert not outcome.order.status.is_terminal


async def test_the_account_number_is_asked_once_before_the_first_order(
    stub: Stub, venue: AlpacaVenue
) -> None:
    stub.plant(POST, answer(order()))

    await venue.submit(request())
    await venue.submit(request())

    asked = [f"{r.method} {r.path}" for r in stub.received]
    assert asked == ["GET /v2/account", POST, POST]


async def test_no_order_goes_to_another_account_than_the_configured_one(
    stub: Stub, venue: AlpacaVenue
) -> None:
    stub.plant("GET /v2/account", answer({**ACCOUNT, "account_number": "PA3OTHER"}))

    outcome = await venue.submit(request())

    assert isinstance(outcome, Refused)
    assert outcome.code == REFUSED_HERE
    assert "CLAUDE belongs to account PA3OTHER" in outcome.message
    assert stub.count(POST) == 0


@pytest.mark.parametrize(
    "planted", [answer({"message": "unauthorized."}, 401), Planted(502, "<html>")]
)
async def test_no_order_goes_out_while_the_account_cannot_be_checked(
    stub: Stub, venue: AlpacaVenue, planted: Planted
) -> None:
    stub.plant("GET /v2/account", planted)

    assert isinstance(await venue.submit(request()), Unknown)
    assert stub.count(POST) == 0


async def test_after_closing_a_submit_is_unknown(stub: Stub, venue: AlpacaVenue) -> None:
    await venue.aclose()

    assert isinstance(await venue.submit(request()), Unknown)
    assert stub.received == []


async def test_proxies_of_the_environment_are_ignored(
    stub: Stub, venue: AlpacaVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    stub.plant(POST, answer(order()))

    assert isinstance(await venue.submit(request()), Accepted)
