"""A call that is cut off at any of its awaits: a verdict is stored whole or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import mcp
import pytest
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR

from config.ids import random_id
from config.settings import Settings
from council.model.ticket import Ticket
from tests.council.trading.test_approval_cuts import MOST_AWAITS, CutAt
from tests.mcp_server.approving import (
    APPROVED_BY_FORM,
    APPROVED_BY_PHRASE,
    Era,
    Person,
    Scene,
    approve,
    client_of,
    opened_scene,
)


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings) as opened:
        yield opened


class Cut:
    """A middleware that cuts each call of a tool off at one of its awaits; 0 lets it pass."""

    def __init__(self) -> None:
        self.number = 0

    async def __call__(self, ctx: Any, call_next: CallNext) -> HandlerResult:
        """Handle the request, or end it in the middle as a closed stream does."""
        if ctx.method != "tools/call" or not self.number:
            return await call_next(ctx)
        handling = asyncio.create_task(_cut(call_next(ctx), self.number))
        await asyncio.wait([handling])
        if handling.cancelled():
            raise MCPError(code=INTERNAL_ERROR, message="cut off")
        return handling.result()


async def _cut(work: Awaitable[HandlerResult], number: int) -> HandlerResult:
    async def awaited() -> HandlerResult:
        return await work

    result: HandlerResult = await CutAt(awaited(), number)
    return result


@pytest.mark.parametrize(
    ("era", "person"),
    [
        ("auto", Person(every="approve")),
        ("legacy", None),
        pytest.param("legacy", Person(every="approve"), marks=pytest.mark.slow),
        pytest.param("auto", None, marks=pytest.mark.slow),
    ],
)
async def test_a_call_cut_at_any_await_stores_the_verdict_whole_or_not_at_all(
    scene: Scene, era: Era, person: Person | None
) -> None:
    whole = APPROVED_BY_PHRASE if person is None else APPROVED_BY_FORM
    cutting, server = Cut(), scene.server()
    server.middleware.append(cutting)
    seen = []

    async with client_of(server, era, person) as client:
        for number in range(1, MOST_AWAITS):
            (ticket,) = await scene.propose("GROQ", trade_id=random_id())
            cutting.number = number
            ended = await came_through(client, ticket, person)
            seen.append(await scene.verdicts(ticket))
            cutting.number = 0
            await came_through(client, ticket, person)
            assert await scene.verdicts(ticket) == [whole], "a retry adds what lacks, and no more"
            await scene.settle(ticket)
            if ended:
                break

    assert ended
    assert all(verdicts in ([], [whole]) for verdicts in seen)
    assert (seen[0], seen[-1]) == ([], [whole])


async def came_through(client: mcp.Client, ticket: Ticket, person: Person | None) -> bool:
    """Call approve_trade; whether it came to an end before it was cut off."""
    phrase = {"confirmation": ticket.confirmation} if person is None else {}
    try:
        await approve(client, [ticket], **phrase)
    except MCPError:
        return False
    return True
