"""A venue that takes its time: what was seen before a slow answer is not believed after it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from broker.models import Order
from council.ports import Deps
from tests.builders import EXPIRES_AT
from tests.council.trading.faults import ending_of, run
from tests.council.trading.scenes import ACCOUNT, approved, venue_of, with_quote
from tests.fakes import FakeVenue, make_deps

SLOW = timedelta(seconds=30)


@dataclass
class TardyVenue(FakeVenue):
    """A venue that answers late whether it knows an order, while something happens."""

    happens: Callable[[], None] = lambda: None

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """Answer when all that goes on beside it is over."""
        for _ in range(100):
            await asyncio.sleep(0)
        if self.moves is not None:
            await self.moves.sleep(SLOW)
        self.happens()
        return await super().order_by_client_id(client_order_id)


def tardy_deps() -> tuple[Deps, TardyVenue]:
    deps = make_deps()
    venue = TardyVenue("PA00000001", moves=deps.clock)
    return replace(deps, desks={ACCOUNT: replace(deps.desks[ACCOUNT], venue=venue)}), venue


async def test_a_price_that_leaves_its_band_during_a_slow_answer_keeps_the_order_back() -> None:
    deps, venue = tardy_deps()
    ticket = await approved(deps)
    venue.happens = lambda: with_quote(deps, Decimal(103), at=deps.clock.now())

    await run(deps)

    assert venue_of(deps).submitted == []
    assert "outside of" in (await ending_of(deps, ticket.trade_id)).reason


async def test_no_order_leaves_for_a_ticket_that_expired_during_a_slow_answer() -> None:
    deps, venue = tardy_deps()
    ticket = await approved(deps)
    await deps.clock.sleep(EXPIRES_AT - deps.clock.now() - SLOW / 2)
    with_quote(deps, Decimal(100), at=deps.clock.now())

    await run(deps)

    assert venue.submitted == []
    assert "expired" in (await ending_of(deps, ticket.trade_id)).reason
