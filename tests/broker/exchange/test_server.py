import asyncio
import signal
import socket

import asyncpg
import pytest
from starlette.applications import Starlette

from broker.exchange.errors import PortUnusable
from broker.exchange.rows import OrderFilter
from broker.exchange.server import running_exchange
from broker.exchange.state import ExchangeAccount, ExchangeState
from tests.broker.exchange.client import ACCOUNTS


async def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(PortUnusable, match=f"Port {port} on 127.0.0.1 is in use"):
            await running_exchange(Starlette(), port=port).__aenter__()


async def test_a_number_beyond_the_ports_is_one_sentence() -> None:
    with pytest.raises(PortUnusable, match="70000 is no port"):
        await running_exchange(Starlette(), port=70_000).__aenter__()


async def test_the_port_is_free_again_after_the_exchange_has_closed() -> None:
    async with running_exchange(Starlette()) as origin:
        port = int(origin.rsplit(":", 1)[1])

    async with running_exchange(Starlette(), port=port) as again:
        assert again == origin


async def test_ctrl_c_stays_the_program_s_own() -> None:
    before = signal.getsignal(signal.SIGINT)

    async with running_exchange(Starlette()):
        during = signal.getsignal(signal.SIGINT)

    assert during is before


async def test_who_only_keeps_a_connection_open_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    naps: list[float] = []
    sleep = asyncio.sleep

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        await sleep(seconds)

    async with running_exchange(Starlette()) as origin:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(origin.rsplit(":", 1)[1]))
        writer.write(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        monkeypatch.setattr("asyncio.sleep", nap)

    assert max(naps) == 0
    writer.close()


async def test_several_processes_may_make_the_tables_at_once(database_dsn: str) -> None:
    async def first_use(account: ExchangeAccount) -> int:
        async with asyncpg.create_pool(database_dsn, min_size=1, max_size=1) as pool:
            state = ExchangeState(pool)
            async with state.locked(account) as rows:
                return len(await rows.orders(OrderFilter(status="all")))

    assert await asyncio.gather(*(first_use(ACCOUNTS[n % 2]) for n in range(6))) == [0] * 6


async def test_an_account_is_touched_by_one_request_at_a_time(database_dsn: str) -> None:
    async def use(state: ExchangeState, account: ExchangeAccount) -> None:
        async with state.locked(account) as rows:
            await rows.orders(OrderFilter())

    async with asyncpg.create_pool(database_dsn, min_size=3, max_size=3) as pool:
        state = ExchangeState(pool)
        for account in ACCOUNTS:
            await use(state, account)
        async with state.locked(ACCOUNTS[0]):
            waiting = asyncio.create_task(use(state, ACCOUNTS[0]))
            for _ in range(5):
                await use(state, ACCOUNTS[1])
            was_held_up = not waiting.done()
        await waiting

    assert was_held_up
