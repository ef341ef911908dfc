"""Alpaca's own clients, unchanged, against `council exchange` in a process of its own."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

from broker.exchange.app import ExchangeAccount
from tests.broker.exchange.builders import whole_fill_id
from tests.broker.exchange.client import trading_client
from tests.broker.exchange.listening import sdk_listener
from tests.mcp_server.test_exchange_command import running


@pytest.mark.slow
async def test_an_order_is_sent_heard_filled_and_closed_across_processes(
    database_dsn: str, tmp_path: Path
) -> None:
    order = MarketOrderRequest(
        symbol="SPY",
        qty=3,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        client_order_id=whole_fill_id(),
    )
    async with running(database_dsn, tmp_path, COUNCIL_EXCHANGE_HOURS="always") as shape:
        key, origin = shape["keys"][0], shape["address"]
        account = ExchangeAccount(key["key_id"], shape["secret_key"], key["account_number"])
        trading: Any = trading_client(origin, account)  # its answers are unions with raw JSON
        market: Any = StockHistoricalDataClient(
            key["key_id"], shape["secret_key"], url_override=origin
        )
        wanted = StockLatestQuoteRequest(symbol_or_symbols="SPY")
        quotes = await asyncio.to_thread(market.get_stock_latest_quote, wanted)
        async with sdk_listener(origin, account) as (_, heard):
            sent = await asyncio.to_thread(trading.submit_order, order)
            events = await heard.events(3)
        position = await asyncio.to_thread(trading.get_open_position, "SPY")
        (fill,) = await asyncio.to_thread(trading.get, "/account/activities/FILL")
        closing = await asyncio.to_thread(trading.close_all_positions, True)

    assert sent.status.value == "pending_new"
    assert events == ["pending_new", "new", "fill"]
    assert (position.qty, fill["order_id"]) == ("3", str(sent.id))
    # In a session the quote has moved on by the time of the fill.
    assert float(fill["price"]) == pytest.approx(quotes["SPY"].ask_price, rel=0.02)
    assert [(one.symbol, one.status) for one in closing] == [("SPY", 200)]
