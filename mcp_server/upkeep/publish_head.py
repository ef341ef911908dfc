"""The chain verified every day, and its head told to the journal and the owner.

What was published vouches for the events before it, so that a day costs only the events since then;
once a week the whole chain is recomputed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from config import logs
from council.upkeep_facts import ChainDamageFound, ChainHeadPublished
from mcp_server.upkeep.record import had_today, record, upkeep_of, week_now
from mcp_server.wiring import App
from store.chain import START, ChainPoint, missed
from store.errors import LogDamaged
from store.projector import GENESIS_HASH, verify

WHOLE_EVERY: Final = timedelta(days=7)

_Heads = Sequence[tuple[datetime, ChainHeadPublished]]


async def publish_head(app: App) -> str:
    """Verify the log since the last publication and publish its head; return it in a sentence.

    Raises:
        LogDamaged: the chain does not hold; that is recorded, and the owner is told.
        StoreUnavailable: the database does not answer.
    """
    heads = await upkeep_of(app.deps, ChainHeadPublished)
    if had_today(app.deps, heads):
        newest = heads[-1][1]
        return f"the head of today was published: {newest.position}:{newest.head}"
    fact = await _verified(app, _begin(heads, app.deps.clock.now()))
    if fact is None:
        return "the log has no events, and so no head"
    await record(app.deps, fact)
    logs.logger("upkeep").info(
        "chain.head",
        position=fact.position,
        head=fact.head,
        verified_events=fact.verified_events,
    )
    return (
        f"the log's head is {fact.position}:{fact.head}, after {fact.verified_events} events that "
        "were verified"
    )


def _begin(heads: _Heads, now: datetime) -> ChainPoint:
    """Return the point up to which nothing has to be recomputed today."""
    whole = [at for at, fact in heads if fact.is_whole]
    if not whole or now - whole[-1] >= WHOLE_EVERY:
        return START
    return ChainPoint(heads[-1][1].position, heads[-1][1].head)


async def _verified(app: App, begin: ChainPoint) -> ChainHeadPublished | None:
    if (why := await missed(app.pool, begin)) is not None:
        raise await _damage(app, begin.position, why)
    before = bytes.fromhex(begin.hash) if begin.hash else GENESIS_HASH
    report = await verify(app.pool, begin.position, before)
    if report.first_bad_position is not None:
        raise await _damage(app, report.first_bad_position, report.reason or "it does not fit")
    position = begin.position + report.events
    if not position:
        return None
    return ChainHeadPublished(
        week_id=week_now(app.deps),
        position=position,
        head=report.head or begin.hash,
        verified_events=report.events,
    )


async def _damage(app: App, position: int, reason: str) -> LogDamaged:
    """Record the damage, by which the owner is told, and return the error to raise."""
    logs.logger("upkeep").error("chain.damaged", position=position, reason=reason)
    fact = ChainDamageFound(week_id=week_now(app.deps), position=position, reason=reason)
    await record(app.deps, fact)
    return LogDamaged(
        f"The log is damaged at position {position} ({reason}): halt trading with `council halt`, "
        "keep the database as it is, and restore the newest backup beside it."
    )
