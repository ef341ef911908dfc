from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from broker.exchange.prices import SyntheticPrices
from broker.exchange.request_limit import RequestLimit
from broker.exchange.state import ExchangeAccount
from config.clock import VirtualClock
from tests.broker.exchange.builders import WEDNESDAY_NOON
from tests.broker.exchange.client import ACCOUNTS, Desk, running_desk

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def scarce(pool: asyncpg.Pool, prices: SyntheticPrices) -> AsyncIterator[Desk]:
    clock = VirtualClock(WEDNESDAY_NOON)
    async with running_desk(pool, prices, clock, requests_per_minute=3) as opened:
        yield opened


async def test_one_request_more_than_the_limit_is_429_without_a_code(scarce: Desk) -> None:
    answers = [await _get(scarce, "/v2/account") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json() == {"message": "too many requests."}


async def test_a_minute_later_the_key_may_ask_again(scarce: Desk) -> None:
    for _ in range(2):
        await _get(scarce, "/v2/account")
    scarce.pass_time(seconds=30)
    await _get(scarce, "/v2/account")

    scarce.pass_time(seconds=29)
    early = await _get(scarce, "/v2/account")
    scarce.pass_time(seconds=1)
    late = [await _get(scarce, "/v2/account") for _ in range(3)]

    assert early.status_code == 429
    assert [answer.status_code for answer in late] == [200, 200, 429]


async def test_each_key_has_its_own_minute_and_market_data_one_more(scarce: Desk) -> None:
    for _ in range(4):
        await _get(scarce, "/v2/account")

    quotes = await _get(scarce, "/v2/stocks/quotes/latest?symbols=SPY")
    other = await _get(scarce, "/v2/account", ACCOUNTS[1])

    assert (quotes.status_code, other.status_code) == (200, 200)


async def test_a_wrong_key_uses_up_nothing(scarce: Desk) -> None:
    wrong = ExchangeAccount(ACCOUNTS[0].key_id, "wrong", "")
    refused = {(await _get(scarce, "/v2/account", wrong)).status_code for _ in range(5)}

    assert refused == {401}
    assert (await _get(scarce, "/v2/account")).status_code == 200


@pytest.mark.parametrize("path", ["/v2/clock", "/v2/calendar", "/v2/stocks/snapshots?symbols=SPY"])
async def test_clock_calendar_and_data_say_what_is_left(scarce: Desk, path: str) -> None:
    answers = [await _get(scarce, path) for _ in range(4)]

    told = [_told(answer) for answer in answers]
    more_at = int((WEDNESDAY_NOON + MINUTE).timestamp())
    assert told == [(3, 2, more_at), (3, 1, more_at), (3, 0, more_at), (3, 0, more_at)]
    assert answers[-1].status_code == 429


async def test_other_routes_say_nothing_of_the_limit(scarce: Desk) -> None:
    answer = await _get(scarce, "/v2/orders")

    assert "X-RateLimit-Limit" not in answer.headers


async def test_without_a_limit_everything_passes(
    pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    clock = VirtualClock(WEDNESDAY_NOON)
    async with running_desk(pool, prices, clock, requests_per_minute=None) as desk:
        answers = {(await _get(desk, "/v2/clock")).status_code for _ in range(220)}

    assert answers == {200}


async def test_two_hundred_a_minute_is_what_alpaca_allows(desk: Desk) -> None:
    answers = [(await _get(desk, "/v2/clock")).status_code for _ in range(201)]

    assert answers == [200] * 200 + [429]


@given(pauses=st.lists(st.integers(0, 40), max_size=60), limit=st.integers(1, 5))
async def test_no_rolling_minute_ever_holds_more_than_the_limit(
    pauses: list[int], limit: int
) -> None:
    clock, passed = VirtualClock(WEDNESDAY_NOON), list[datetime]()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        passed.append(clock.now())

    limited = RequestLimit(app, clock, limit)
    for pause in pauses:
        await clock.sleep(timedelta(seconds=pause))
        scope = {"type": "http", "path": "/v2/orders", "state": {"account": ACCOUNTS[0]}}
        await limited(scope, _nothing, _ignore)

    windows = [[at for at in passed if start <= at < start + MINUTE] for start in passed]
    assert all(len(window) <= limit for window in windows)
    assert len(passed) >= min(limit, len(pauses))


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def _ignore(_message: Message) -> None:
    pass


async def _get(desk: Desk, path: str, account: ExchangeAccount = ACCOUNTS[0]) -> requests.Response:
    headers = {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret_key}
    session = desk.trading._session
    return await desk.call(lambda: session.get(f"{desk.origin}{path}", headers=headers))  # type: ignore[no-any-return]  # any call's answer


def _told(answer: requests.Response) -> tuple[int, ...]:
    names = ("Limit", "Remaining", "Reset")
    return tuple(int(answer.headers[f"X-RateLimit-{name}"]) for name in names)
