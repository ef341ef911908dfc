"""Freezes the market table: the only source of numbers for the rest of the week."""

from council.context import WeekContext
from council.events import SnapshotTaken
from council.fact import Fact
from council.market.snapshot import take_snapshot
from council.ports import Deps


async def snapshot(context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Read daily bars up to the last closed session and freeze the table.

    Raises:
        NoPrices: no instrument has any.
        VenueUnreachable: the source of prices does not answer.
    """
    taken = await take_snapshot(context.week_id, deps)
    return (SnapshotTaken(week_id=context.week_id, snapshot=taken),)
