"""The verdict on a chaos hour: what the venue, the log and the tables must agree on afterwards."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from council.codec import to_fact
from council.fact import Fact
from council.ports import Deps
from council.trade_facts import DriftDetected, TradeProposed, TradingHalted
from council.trading.approvals import expire_due
from council.trading.checks import whole_positions
from council.trading.executor import run_until_settled
from store.events import StoredEvent
from tests.chaos.place import Place, seated
from tests.council.trading.invariants import AccountRecord, Told, violations
from tests.system.faults.seat import living
from tests.system.faults.verdict import reads_the_same_again, writes_nothing_more

_SETTLING: Final = timedelta(minutes=3)
_A_WEEK: Final = timedelta(weeks=1)
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_NAMED: Final = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong, how trades ended, and how much there was to look at."""

    violations: tuple[str, ...]
    endings: Counter[str]
    events: int
    orders: int


async def verdict_on(place: Place) -> Verdict:
    """Let all come to rest over the clean wire, a week later, and judge it."""
    place.clock.advance_to(place.clock.now() + _A_WEEK)
    async with seated(place, failpoint=living, models=False, faulty=False) as deps:
        await run_until_settled(deps, timeout=_SETTLING)
        await expire_due(deps)
        events = [event async for event in deps.store.read_all()]
        told = _by_stream(events)
        records = [await _record_of(account, told, deps) for account in deps.desks]
        found = [
            *_lost(events, place),
            *_surprising(told),
            *(one for record in records for one in violations(record)),
            *await writes_nothing_more(deps),
            *await reads_the_same_again(deps),
        ]
    trades = [facts for record in records for facts in record.trades.values()]
    return Verdict(
        violations=tuple(found[:_MOST_NAMED]),
        endings=Counter(type(facts[-1].fact).__name__ for facts in trades),
        events=len(events),
        orders=sum(len(record.orders) for record in records),
    )


def _by_stream(events: list[StoredEvent]) -> dict[str, tuple[Told, ...]]:
    """Return what each stream says, its facts in the order of the chain."""
    told: dict[str, list[Told]] = defaultdict(list)
    for event in events:
        fact = to_fact(event)
        if isinstance(fact, Fact):
            told[event.stream].append(Told(fact, event.timestamp))
    return {stream: tuple(facts) for stream, facts in told.items()}


async def _record_of(account: str, told: dict[str, tuple[Told, ...]], deps: Deps) -> AccountRecord:
    venue = deps.desks[account].venue
    return AccountRecord(
        account=account,
        orders=await venue.orders_since(_BEGINNING),
        positions=whole_positions(await venue.positions()),
        told=told.get(f"account-{account}", ()),
        trades={
            UUID(stream.removeprefix("trade-")): facts
            for stream, facts in told.items()
            if isinstance(facts[0].fact, TradeProposed) and facts[0].fact.account == account
        },
    )


def _lost(events: list[StoredEvent], place: Place) -> list[str]:
    """Return what a process was told to be stored and is not there, or as something else."""
    stored = {event.position: str(event.event_id) for event in events}
    return [
        f"LOST: event {event_id} was acknowledged at position {position}, which has "
        f"{stored.get(position, 'nothing')}"
        for position, event_id in place.acknowledged().items()
        if stored.get(position) != event_id
    ]


def _surprising(told: dict[str, tuple[Told, ...]]) -> list[str]:
    """Return what looked like a stranger's trade: nobody else was there."""
    return [
        f"DRIFT: {one.fact.account}: {type(one.fact).__name__}: {one.fact.reason}"
        for facts in told.values()
        for one in facts
        if isinstance(one.fact, DriftDetected | TradingHalted)
    ]
