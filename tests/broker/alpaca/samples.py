"""Answers in the shapes of Alpaca's paper API, with made-up content."""

from decimal import Decimal
from typing import Any

from broker.models import OrderRequest, PositionIntent, Side

ACCOUNT_NUMBER = "PA3ABCDEFGHI"
ORDER_ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"
CLIENT_ORDER_ID = "lc-abcdefghijklmnopqrstuvwxyz-o1"

ACCOUNT: dict[str, Any] = {
    "id": "e6fe16f3-64a4-4921-8928-cadf02f92f98",
    "account_number": ACCOUNT_NUMBER,
    "status": "ACTIVE",
    "cash": "100000.25",
    "equity": "99000.5",
    "last_equity": "99100.75",
    "buying_power": "198001",
    "long_market_value": "0",
    "short_market_value": "-999.75",
    "shorting_enabled": True,
    "trading_blocked": False,
    "account_blocked": False,
    "trade_suspended_by_user": False,
    "a_field_of_next_year": {"x": 1},
}


def order(**changes: Any) -> dict[str, Any]:
    return {
        "id": ORDER_ID,
        "client_order_id": CLIENT_ORDER_ID,
        "symbol": "SPY",
        "side": "buy",
        "qty": "10",
        "notional": None,
        "filled_qty": "0",
        "filled_avg_price": None,
        "order_class": "",
        "status": "pending_new",
        "created_at": "2026-11-20T15:30:00.123456789Z",
        "submitted_at": "2026-11-20T10:30:00.123456789-05:00",
        "filled_at": None,
        "limit_price": None,
        **changes,
    }


def request(quantity: str = "10", limit_price: str | None = None) -> OrderRequest:
    return OrderRequest(
        client_order_id=CLIENT_ORDER_ID,
        symbol="SPY",
        side=Side.BUY,
        quantity=Decimal(quantity),
        position_intent=PositionIntent.BUY_TO_OPEN,
        limit_price=None if limit_price is None else Decimal(limit_price),
    )
