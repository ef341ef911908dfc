"""The stream of trade updates, heard by the untouched SDK and by a plain websocket."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from websockets.exceptions import ConnectionClosed

from broker.exchange import stream, watching
from broker.exchange.app import create_exchange
from broker.exchange.prices import SyntheticPrices
from broker.exchange.server import running_exchange
from broker.exchange.state import ExchangeState
from config.clock import VirtualClock
from tests.broker.exchange.builders import WEDNESDAY_NOON, partial_fill_id, whole_fill_id
from tests.broker.exchange.client import ACCOUNTS, Desk, running_desk
from tests.broker.exchange.listening import listens, plain_client, sdk_listener


async def test_the_sdk_hears_an_order_become_new_partly_filled_and_filled(desk: Desk) -> None:
    order_id = partial_fill_id()

    async with sdk_listener(desk.origin) as (_, heard):
        await desk.submit(order_id)
        first = await heard.next(1)
        desk.pass_time(seconds=2)
        rest = await heard.next(3)

    updates = [*first, *rest]
    assert [one.event for one in updates] == ["pending_new", "new", "partial_fill", "fill"]
    assert {one.order.client_order_id for one in updates} == {order_id}
    assert [one.timestamp for one in updates] == sorted(one.timestamp for one in updates)
    part, whole = updates[2:]
    assert (part.qty + whole.qty, whole.position_qty) == (10, 10)
    assert Decimal(part.order.filled_qty) == Decimal(str(part.qty)) == part.position_qty
    assert part.execution_id != whole.execution_id
    assert whole.price is not None
    assert whole.order.status.value == "filled"


async def test_the_sdk_hears_a_queued_order_accepted_and_canceled(
    pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    saturday = VirtualClock(WEDNESDAY_NOON + timedelta(days=3))
    async with (
        running_desk(pool, prices, saturday) as desk,
        sdk_listener(desk.origin) as (_, heard),
    ):
        order = await desk.submit("queued")
        await desk.call(desk.trading.cancel_order_by_id, order.id)
        events = await heard.events(2)

    assert events == ["accepted", "canceled"]


async def test_two_listeners_hear_the_same_and_another_account_nothing(desk: Desk) -> None:
    async with (
        sdk_listener(desk.origin) as (_, one),
        sdk_listener(desk.origin) as (_, two),
        sdk_listener(desk.origin, ACCOUNTS[1]) as (_, other),
    ):
        await desk.submit(whole_fill_id())
        desk.pass_time(seconds=2)
        heard = [await one.events(3), await two.events(3)]
        others = other.is_empty

    assert heard == [["pending_new", "new", "fill"]] * 2
    assert others


async def test_what_another_process_does_is_heard_too(
    desk: Desk, pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    async with (
        running_desk(pool, prices, desk.clock) as elsewhere,
        sdk_listener(desk.origin) as (_, heard),
    ):
        await elsewhere.submit(whole_fill_id())

        assert await heard.events(1) == ["pending_new"]


async def test_what_was_before_listening_is_not_told(desk: Desk) -> None:
    await desk.submit("before")
    desk.pass_time(seconds=2)

    async with sdk_listener(desk.origin) as (_, heard):
        await desk.submit("after")
        (first,) = await heard.next(1)

    assert (first.order.client_order_id, first.event) == ("after", "pending_new")


async def test_after_a_restart_the_sdk_hears_only_what_is_newer(
    pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    clock = VirtualClock(WEDNESDAY_NOON)
    app = create_exchange(pool=pool, prices=prices, clock=clock, accounts=ACCOUNTS)
    async with running_exchange(app) as origin:
        port = int(origin.rsplit(":", 1)[1])
        listener = sdk_listener(origin)
        sdk, heard = await listener.__aenter__()
        sdk.listens.clear()

    async with running_desk(pool, prices, clock) as elsewhere:
        await elsewhere.submit("missed")
        async with running_exchange(app, port=port):
            while_away = heard.is_empty
            await listens(sdk)
            await elsewhere.submit("heard")
            (first,) = await heard.next(1)
            await listener.__aexit__(None, None, None)

    assert while_away
    assert first.order.client_order_id == "heard"


async def test_everything_comes_in_binary_frames(desk: Desk) -> None:
    async with plain_client(desk.origin) as client:
        await client.connection.send(json.dumps({"action": "auth", **_new_key("secret-1")}))
        frames = [await client.frame()]
        listen = {"action": "listen", "data": {"streams": ["trade_updates"]}}
        await client.connection.send(json.dumps(listen).encode())
        frames.append(await client.frame())
        await desk.submit("order-1")
        frames.append(await client.frame())

    assert [type(frame) for frame in frames] == [bytes] * 3
    messages = [json.loads(frame) for frame in frames]
    assert messages[0] == _authorization("authorized", "authenticate")
    assert messages[1] == _listening("trade_updates")
    assert messages[2]["stream"] == "trade_updates"
    assert messages[2]["data"]["order"]["client_order_id"] == "order-1"


@pytest.mark.parametrize(
    "message",
    [
        {"action": "authenticate", "data": {"key_id": "SIM1", "secret_key": "wrong"}},
        {"action": "authenticate", "data": {"key_id": "SIM9", "secret_key": "secret-1"}},
        {"action": "authenticate", "data": {"key_id": ["SIM1"], "secret_key": None}},
        {"action": "authenticate"},
        {"action": "auth", "key": "SIM1", "secret": "wrong"},
    ],
)
async def test_a_wrong_key_is_unauthorized_and_may_be_mended(
    desk: Desk, message: dict[str, Any]
) -> None:
    async with plain_client(desk.origin) as client:
        assert await client.ask(**message) == _authorization("unauthorized", "authenticate")
        assert await client.listen() == _authorization("unauthorized", "listen")

        assert await client.authenticate() == _authorization("authorized", "authenticate")
        assert await client.listen() == _listening("trade_updates")


async def test_a_client_that_no_longer_listens_hears_nothing(desk: Desk) -> None:
    async with plain_client(desk.origin) as client, sdk_listener(desk.origin) as (_, other):
        await client.authenticate()
        await client.listen()
        unlisten = {"action": "unlisten", "data": {"streams": ["trade_updates"]}}
        assert await client.ask(**unlisten) == _listening()
        await desk.submit("order-1")
        await other.next(1)

        assert await client.listen("other", "streams") == _listening()


async def test_what_is_no_message_is_answered_and_forgotten(desk: Desk) -> None:
    invalid = {"stream": "error", "data": {"error": "invalid message"}}
    async with plain_client(desk.origin) as client:
        for text in ("{", "[]", '{"action": "dance"}', "[" * 5000):
            await client.connection.send(text)
            assert await client.next() == invalid

        assert await client.authenticate() == _authorization("authorized", "authenticate")


async def test_whoever_never_says_who_it_is_must_leave(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HANDSHAKE_SECONDS", 0.05)

    async with plain_client(desk.origin) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await client.frame()

    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1008


async def test_whoever_has_said_who_it_is_may_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HANDSHAKE_SECONDS", 0.2)

    async with plain_client(desk.origin) as known, plain_client(desk.origin) as unknown:
        await known.authenticate()
        with pytest.raises(ConnectionClosed):
            await unknown.frame()

        assert await known.listen() == _listening("trade_updates")


async def test_each_step_of_an_order_is_told_when_it_is_due(desk: Desk) -> None:
    async with sdk_listener(desk.origin) as (_, heard):
        await desk.submit(partial_fill_id())
        told = [await heard.events(1)]
        for seconds in (0.06, 0.1, 0.9):
            desk.pass_time(seconds=seconds)
            told.append(await heard.events(1))

    assert told == [["pending_new"], ["new"], ["partial_fill"], ["fill"]]


async def test_a_stopping_exchange_says_goodbye(
    pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    async with running_desk(pool, prices, VirtualClock(WEDNESDAY_NOON)) as desk:
        client = plain_client(desk.origin)
        plain = await client.__aenter__()
        await plain.authenticate()
        await plain.listen()

    with pytest.raises(ConnectionClosed) as closed:
        await plain.frame()

    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1012


async def test_nobody_looks_at_the_journal_when_nobody_listens(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY_SECONDS", 0)
    looks = _noted_looks(monkeypatch)
    async with sdk_listener(desk.origin) as (_, heard):
        await desk.submit("order-1")
        await heard.next(1)
    before = looks.qsize()

    for _request in range(5):
        await desk.order("order-1")

    assert before > 0
    assert looks.qsize() == before


async def test_many_listeners_share_a_look_that_opens_no_account(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(plain_client(desk.origin)) for _ in range(20)]
        for number, client in enumerate(clients):
            await client.authenticate(ACCOUNTS[number % 2])
            await client.listen()
        opened, looks = _counted_openings(monkeypatch), _noted_looks(monkeypatch)
        listeners = [await looks.get() for _ in range(3)]

    assert listeners == [20] * 3
    assert opened == []


async def test_a_journal_that_cannot_be_read_ends_the_connection(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(*_: Any) -> tuple[int, ...]:
        raise ConnectionError("the database is away")

    async with plain_client(desk.origin) as client:
        await client.authenticate()
        with monkeypatch.context() as patch:
            patch.setattr(watching.JournalWatch, "_stirred", unreadable)
            await client.listen()
            with pytest.raises(ConnectionClosed):
                await client.frame()

    async with sdk_listener(desk.origin) as (_, heard):
        await desk.submit("order-1")
        assert await heard.events(1) == ["pending_new"]


def _noted_looks(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[int]:
    """Note each look by its number of listeners."""
    looks: asyncio.Queue[int] = asyncio.Queue()
    stirred = watching.JournalWatch._stirred

    async def noted(self: watching.JournalWatch, listeners: Any) -> tuple[int, ...]:
        looks.put_nowait(len(listeners))
        return await stirred(self, listeners)

    monkeypatch.setattr(watching.JournalWatch, "_stirred", noted)
    return looks


def _counted_openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    opened: list[str] = []
    locked = ExchangeState.locked

    def counted(self: ExchangeState, account: Any, **options: Any) -> Any:
        opened.append(account.key_id)
        return locked(self, account, **options)

    monkeypatch.setattr(ExchangeState, "locked", counted)
    return opened


def _new_key(secret: str) -> dict[str, str]:
    return {"key": "SIM1", "secret": secret}


def _authorization(status: str, action: str) -> dict[str, Any]:
    return {"stream": "authorization", "data": {"status": status, "action": action}}


def _listening(*streams: str) -> dict[str, Any]:
    return {"stream": "listening", "data": {"streams": list(streams)}}
