"""Wrongs that are done on purpose after the last week, to show that the verdict names them."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

import asyncpg

from broker.models import OrderRequest, PositionIntent, Side
from config.ids import client_order_id_for, meaning_id
from tests.chaos.place import Place, seated
from tests.system.faults.seat import living

Plant = Literal["order", "row", "chain"]


async def planted(plant: Plant, place: Place) -> None:
    """Do the wrong that is asked for."""
    await _PLANTS[plant](place)


async def _order(place: Place) -> None:
    """Send an order that nobody approved, under an id of our own kind."""
    async with seated(place, failpoint=living, models=False, faulty=False) as deps:
        desk = next(iter(deps.desks.values()))
        await desk.venue.submit(
            OrderRequest(
                client_order_id=client_order_id_for(meaning_id("planted"), "open", 1),
                symbol="SPY",
                side=Side.BUY,
                quantity=Decimal(1),
                position_intent=PositionIntent.BUY_TO_OPEN,
            )
        )


async def _row(place: Place) -> None:
    await _execute(place, "UPDATE trades SET model = model || ' (not)'")


async def _chain(place: Place) -> None:
    """Change an event past every guard, as the machine's owner can."""
    await _execute(
        place,
        "ALTER TABLE events DISABLE TRIGGER ALL; "
        'UPDATE events SET "timestamp" = "timestamp" - interval \'1 hour\' WHERE position = 3',
    )


async def _execute(place: Place, sql: str) -> None:
    connection = await asyncpg.connect(place.dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


_PLANTS: Mapping[Plant, Callable[[Place], Awaitable[None]]] = MappingProxyType(
    {"order": _order, "row": _row, "chain": _chain}
)
