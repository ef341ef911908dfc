from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from broker.alpaca.market_data import AlpacaMarketData
from broker.errors import BadCredentials, NotPaperHost, VenueUnreachable
from broker.models import Bar, Quote
from tests.broker.alpaca.conftest import CREDENTIALS
from tests.broker.alpaca.stub import Planted, Stub, answer

BARS = "GET /v2/stocks/bars"
QUOTES = "GET /v2/stocks/quotes/latest"


def bar(at: str, **changes: Any) -> dict[str, Any]:
    return {"t": at, "o": 1.1, "h": 2, "l": 0.9, "c": 1.5, "v": 1000, "n": 3, "vw": 1.2, **changes}


async def daily(prices: AlpacaMarketData, *symbols: str) -> Any:
    return await prices.daily_bars(symbols, date(2026, 11, 19), date(2026, 11, 20))


async def test_pages_of_bars_are_joined_and_sorted_by_symbol(
    stub: Stub, prices: AlpacaMarketData
) -> None:
    second_day, first_day = bar("2026-11-20T05:00:00Z"), bar("2026-11-19T05:00:00Z", c=1.25)
    stub.plant(
        BARS,
        answer({"bars": {"SPY": [second_day]}, "next_page_token": "more"}),
        answer({"bars": {"SPY": [first_day], "TLT": [first_day]}, "next_page_token": None}),
    )

    bars = await daily(prices, "TLT", "SPY", "NONE")

    assert {symbol: [b.start_at.day for b in found] for symbol, found in bars.items()} == {
        "TLT": [19],
        "SPY": [19, 20],
        "NONE": [],
    }
    assert bars["TLT"][0] == Bar(
        symbol="TLT",
        start_at=datetime(2026, 11, 19, 5, tzinfo=UTC),
        open=Decimal("1.1"),
        high=Decimal(2),
        low=Decimal("0.9"),
        close=Decimal("1.25"),
        volume=1000,
    )
    assert [r.query.get("page_token") for r in stub.received] == [None, ["more"]]


async def test_both_days_are_included_by_new_york_time(
    stub: Stub, prices: AlpacaMarketData
) -> None:
    days = [bar(f"2026-11-{day}T05:00:00Z") for day in (18, 19, 20, 21)]
    stub.plant(BARS, answer({"bars": {"SPY": days}, "next_page_token": None}))

    bars = await daily(prices, "SPY")

    query = stub.received[0].query
    assert [b.start_at.day for b in bars["SPY"]] == [19, 20]
    assert query["start"] == ["2026-11-19T00:00:00-05:00"]
    assert query["end"] == ["2026-11-20T23:59:59-05:00"]
    assert query["adjustment"] == ["all"]
    assert "feed" not in query


async def test_pages_without_end_are_no_answer(stub: Stub, prices: AlpacaMarketData) -> None:
    stub.plant(BARS, answer({"bars": {}, "next_page_token": "again"}))

    with pytest.raises(VenueUnreachable):
        await daily(prices, "SPY")

    assert stub.count(BARS) == 100


async def test_no_bars_at_all_may_be_null(stub: Stub, prices: AlpacaMarketData) -> None:
    stub.plant(BARS, answer({"bars": None, "next_page_token": None}))

    assert await daily(prices, "SPY") == {"SPY": ()}


async def test_a_quote_needs_both_sides(stub: Stub, prices: AlpacaMarketData) -> None:
    good = {"t": "2026-11-20T15:30:00.5Z", "bp": 640.1, "ap": 640.12, "bs": 1, "as": 2}
    stub.plant(QUOTES, answer({"quotes": {"SPY": good, "TLT": {**good, "ap": 0}}}))

    quotes = await prices.latest_quotes(["SPY", "TLT", "ZZZZ"])

    at = datetime(2026, 11, 20, 15, 30, 0, 500_000, tzinfo=UTC)
    assert quotes == {"SPY": Quote("SPY", Decimal("640.1"), Decimal("640.12"), at)}


async def test_no_symbols_need_no_request(stub: Stub, prices: AlpacaMarketData) -> None:
    assert await prices.latest_quotes([]) == {}
    assert await daily(prices) == {}
    assert stub.received == []


@pytest.mark.parametrize(
    ("planted", "error"),
    [
        (answer({"message": "subscription does not permit this"}, 403), BadCredentials),
        (Planted(502, "<html>"), VenueUnreachable),
        (answer({}), VenueUnreachable),
        (answer({"quotes": {"SPY": {"t": "today", "bp": 1, "ap": 2}}}), VenueUnreachable),
        (answer([]), VenueUnreachable),
        (Planted(fault="drop"), VenueUnreachable),
    ],
)
async def test_no_usable_prices_are_one_sentence(
    stub: Stub, prices: AlpacaMarketData, planted: Planted, error: type[Exception]
) -> None:
    stub.plant(QUOTES, planted)

    with pytest.raises(error, match=r"^Market data "):
        await prices.latest_quotes(["SPY"])

    assert prices.source == "alpaca"


def test_prices_come_from_alpaca_or_loopback_only() -> None:
    with pytest.raises(NotPaperHost, match=r'"evil\.example"'):
        AlpacaMarketData(credentials=CREDENTIALS, data_url="https://evil.example", source="x")


def test_alpacas_own_service_is_asked_for_its_free_feed() -> None:
    url = "https://data.alpaca.markets"

    prices = AlpacaMarketData(credentials=CREDENTIALS, data_url=url, source="alpaca")

    assert prices._feed == {"feed": "iex"}
