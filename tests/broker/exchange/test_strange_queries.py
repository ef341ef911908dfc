"""Queries at the edge of what can be said: answered or refused by name, never a failure of ours."""

import asyncio

import pytest
import requests

from tests.broker.exchange.client import ACCOUNTS, Desk

LONG_NUMBER = "9" * 5000
BARS = "stocks/bars?symbols=SPY&timeframe=1Day"
UNZONED_PAGE = "U1BZfDIwMjYtMTEtMTg="
"""A page's token whose instant has no zone: "SPY|2026-11-18"."""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("account/portfolio/history?period=9999A", 200),
        ("account/portfolio/history?period=9999A&start=2026-01-01", 200),
        ("account/portfolio/history?start=0001-01-01T00:00:00Z&timeframe=1D", 200),
        ("account/portfolio/history?date_end=9999-12-31", 200),
        ("account/portfolio/history?date_end=0001-01-01", 200),
        ("account/activities?date=9999-12-31", 200),
        ("account/activities?date=0001-01-01", 200),
        ("orders?after=0001-01-01T00:00:00%2B05:00", 200),
        ("orders?until=9999-12-31T23:59:59-05:00", 200),
        (f"{BARS}&start=0001-01-01&end=9999-12-31T23:59:59Z&limit=1", 200),
        (f"{BARS}&page_token={UNZONED_PAGE}", 200),
        (f"{BARS}&limit={LONG_NUMBER}", 400),
        (f"orders?limit={LONG_NUMBER}", 422),
        ("orders?limit=%D9%A3", 422),
        ("orders?symbols=SPY%00", 422),
    ],
)
async def test_a_strange_query_is_answered_or_refused(desk: Desk, path: str, status: int) -> None:
    account = ACCOUNTS[0]
    key = {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret_key}

    answer = await asyncio.to_thread(
        requests.get, f"{desk.origin}/v2/{path}", headers=key, timeout=10
    )

    assert answer.status_code == status, answer.text
    assert "internal server error" not in answer.text
