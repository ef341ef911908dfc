"""Faults over a real connection: what the client sees, and what the exchange did all the same."""

import asyncio
import http.client
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from broker.exchange.faults import FaultKind, FaultPlan
from broker.exchange.faulty_wire import CLEAN, FaultyWire
from broker.exchange.server import running_exchange
from config.clock import VirtualClock
from tests.broker.exchange.builders import WEDNESDAY_NOON

PROCESSED = {
    *(FaultKind.DROP, FaultKind.LATE, FaultKind.HANG, FaultKind.GARBAGE),
    *(FaultKind.ERROR_AFTER, FaultKind.HTML_AFTER),
}
TIMEOUT_SECONDS = 0.2


@dataclass
class Shop:
    """An application that takes orders, and the faulty wire to it."""

    wire: FaultyWire
    taken: list[str]
    clock: VirtualClock
    origin: str = ""
    answers: list[object] = field(default_factory=list)

    async def post(self, order_id: str) -> tuple[int, bytes] | type[Exception]:
        """Send an order and return the status and body of the answer, or what went wrong."""
        return await asyncio.to_thread(self._post, order_id)

    def _post(self, order_id: str) -> tuple[int, bytes] | type[Exception]:
        host = self.origin.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", "/v2/orders", json.dumps({"client_order_id": order_id}))
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error)
        finally:
            connection.close()


@asynccontextmanager
async def shop(plan: FaultPlan) -> AsyncIterator[Shop]:
    taken: list[str] = []

    async def take(request: Request) -> Response:
        order = await request.json()
        taken.append(order["client_order_id"])
        return JSONResponse({"id": "1", "client_order_id": order["client_order_id"]})

    clock = VirtualClock(WEDNESDAY_NOON)
    app = Starlette(routes=[Route("/v2/orders", take, methods=["POST"])])
    opened = Shop(FaultyWire(app, plan, clock), taken, clock)
    async with running_exchange(opened.wire) as origin:  # type: ignore[arg-type]  # any ASGI application does
        opened.origin = origin
        yield opened


def plan_of(kind: FaultKind) -> FaultPlan:
    return FaultPlan(posts=1, kinds=(kind,))


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.LOST, FaultKind.LATE])
async def test_a_closed_connection_is_an_error_without_an_answer(kind: FaultKind) -> None:
    async with shop(plan_of(kind)) as opened:
        seen = await opened.post("order-1")
        for _ in range(3):
            await asyncio.sleep(0)

    assert seen is http.client.RemoteDisconnected
    assert opened.taken == (["order-1"] if kind in PROCESSED else [])


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.HANG_LOST])
async def test_a_hanging_request_ends_when_its_client_gives_up(kind: FaultKind) -> None:
    async with shop(plan_of(kind)) as opened:
        seen = await opened.post("order-1")

    assert seen is TimeoutError
    assert opened.taken == (["order-1"] if kind in PROCESSED else [])


async def test_a_late_request_is_processed_when_its_delay_is_over() -> None:
    async with shop(plan_of(FaultKind.LATE)) as opened:
        await opened.post("order-1")

    assert opened.taken == ["order-1"]
    waited = opened.clock.now() - WEDNESDAY_NOON
    assert timedelta(seconds=0.2) <= waited <= timedelta(seconds=1.2)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (FaultKind.THROTTLED, {429}),
        (FaultKind.ERROR_BEFORE, {500, 502, 503, 504}),
        (FaultKind.ERROR_AFTER, {500, 502, 503, 504}),
        (FaultKind.HTML_BEFORE, {200, 502}),
        (FaultKind.HTML_AFTER, {200, 502}),
    ],
)
async def test_an_error_comes_instead_of_the_answer_or_of_the_work(
    kind: FaultKind, statuses: set[int]
) -> None:
    ids = [f"order-{number}" for number in range(20)]
    async with shop(plan_of(kind)) as opened:
        seen = [await opened.post(order_id) for order_id in ids]

    assert {answer[0] for answer in seen if isinstance(answer, tuple)} == statuses
    assert opened.taken == (ids if kind in PROCESSED else [])


async def test_a_made_up_refusal_has_a_code_and_a_second_try_only() -> None:
    async with shop(plan_of(FaultKind.SPURIOUS)) as opened:
        first, second = [await opened.post("order-1") for _ in range(2)]

    assert first is http.client.RemoteDisconnected
    assert isinstance(second, tuple)
    assert second[0] in {403, 422}
    assert json.loads(second[1])["code"] in {40310000, 42210000}


async def test_garbage_is_never_the_right_answer_and_always_after_the_work() -> None:
    ids = [f"order-{number}" for number in range(60)]
    async with shop(plan_of(FaultKind.GARBAGE)) as opened:
        seen = [await opened.post(order_id) for order_id in ids]

    assert opened.taken == ids
    assert http.client.IncompleteRead in seen
    statuses = {answer[0] for answer in seen if isinstance(answer, tuple)}
    assert statuses == {200, 302}
    for order_id, answer in zip(ids, seen, strict=True):
        assert not isinstance(answer, tuple) or order_id.encode() + b'"' not in answer[1]


async def test_the_fourth_try_goes_through_whatever_the_plan() -> None:
    async with shop(plan_of(FaultKind.LOST)) as opened:
        seen = [await opened.post("order-1") for _ in range(4)]

    assert opened.taken == ["order-1"]
    assert isinstance(seen[-1], tuple)
    assert seen[-1][0] == 200


async def test_what_went_wrong_is_counted() -> None:
    async with shop(plan_of(FaultKind.LOST)) as opened:
        for _ in range(4):
            await opened.post("order-1")

    assert opened.wire.counts == Counter({("POST", FaultKind.LOST): 3, ("POST", CLEAN): 1})


def test_a_stream_is_closed_after_so_many_messages() -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        for number in range(5):
            await socket.send_text(str(number))
        await socket.close()

    app = Starlette(routes=[WebSocketRoute("/stream", talk)])
    wire = FaultyWire(app, FaultPlan(stream=2), VirtualClock(WEDNESDAY_NOON))

    with TestClient(wire).websocket_connect("/stream") as socket:
        assert [socket.receive_text() for _ in range(2)] == ["0", "1"]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()

    assert closed.value.code == 1012
