"""What became of every message at every address, folded from the facts about telling: pure.

An attempt that was begun and has no outcome was cut short: nobody knows whether it arrived.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from council.alert_facts import (
    AlertBegun,
    AlertFailed,
    AlertGathered,
    AlertsBegan,
    AlertSent,
    DeliveryFact,
)
from council.alerts.message import Lost
from council.codec import to_fact
from council.fact import Fact
from store.events import StoredEvent

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
MOST_ATTEMPTS: Final = 12
"""With the pauses between them about five hours."""
GIVEN_UP_AFTER: Final = timedelta(days=1)
"""What could not be told within a day is tried once more, and then no more."""
LONGEST_ATTEMPT: Final = timedelta(minutes=1)
"""A sender waits for half of it at most."""
_REMEMBERED: Final = timedelta(days=7)
"""So long the status shows what was given up, and so long it is kept in mind."""


class Standing(StrEnum):
    """How far a message is on its way to an address."""

    WAITING = "waiting"
    BEGUN = "begun"
    FAILED = "failed"
    DOUBTED = "doubted"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one address; one that arrived is kept no longer.

    `named_in` is the number of the message that says that this one may not have arrived.
    """

    number: int
    address: str
    title: str
    text: str
    gathered_at: datetime
    standing: Standing = Standing.WAITING
    attempts: int = 0
    changed_at: datetime | None = None
    reason: str = ""
    named_in: int | None = None

    @property
    def is_on_its_way(self) -> bool:
        """Whether it may still be tried, or is being tried."""
        return self.standing in {Standing.WAITING, Standing.BEGUN, Standing.FAILED}


@dataclass(frozen=True, slots=True)
class Outage:
    """How often in a row an address did not take a message, and when last."""

    failures: int
    last_at: datetime
    reason: str

    @property
    def pause(self) -> timedelta:
        """Return how long the address rests since then."""
        return pause_after(self.failures)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """All that was told; `version` is that of the stream `alerts`."""

    version: int = 0
    began: AlertsBegan | None = None
    newest: int = 0
    """The number of the newest message."""
    read_from: int = 0
    told: frozenset[UUID] = frozenset()
    under_way: Mapping[tuple[int, str], Delivery] = field(default_factory=dict)
    """By number and address, the oldest message first."""
    outages: Mapping[str, Outage] = field(default_factory=dict)
    reached: frozenset[int] = frozenset()
    """Messages that arrived somewhere."""

    def cut_short(self) -> tuple[Delivery, ...]:
        """Return the deliveries whose attempt was begun and has no outcome."""
        return tuple(d for d in self.under_way.values() if d.standing is Standing.BEGUN)

    def given_up(self, since_at: datetime) -> tuple[Delivery, ...]:
        """Return what was given up since then."""
        return tuple(
            one
            for one in self.under_way.values()
            if one.standing is Standing.GIVEN_UP and (one.changed_at or since_at) >= since_at
        )

    def doubted(self) -> tuple[Delivery, ...]:
        """Return what may be lost, unless a message names it that arrived or still may."""
        return tuple(
            one
            for one in self.under_way.values()
            if one.standing is Standing.DOUBTED and not self._is_named(one)
        )

    def lost(self) -> tuple[Lost, ...]:
        """Return what the next message names as perhaps lost."""
        return tuple(Lost(one.title, one.gathered_at, one.address) for one in self.doubted())

    def next_for(self, address: str, now: datetime) -> Delivery | None:
        """Return what is to be sent to `address` now: the oldest, unless the address rests."""
        outage = self.outages.get(address)
        # A failure that lies ahead was dated by a clock that was wrong, and says nothing.
        if outage is not None and timedelta(0) <= now - outage.last_at < outage.pause:
            return None
        wanted = {Standing.WAITING, Standing.FAILED}
        own = (d for d in self.under_way.values() if d.address == address)
        return next((one for one in own if one.standing in wanted), None)

    def _is_named(self, one: Delivery) -> bool:
        if one.named_in is None:
            return False
        others = (d for d in self.under_way.values() if d.number == one.named_in)
        return one.named_in in self.reached or any(other.is_on_its_way for other in others)


def pause_after(failures: int) -> timedelta:
    """Return how long an address rests after so many failures in a row."""
    doublings = min(failures - 1, MOST_ATTEMPTS)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def is_last(delivery: Delivery, now: datetime) -> bool:
    """Whether a failure of the attempt under way is the end of it."""
    is_old = now - delivery.gathered_at >= GIVEN_UP_AFTER
    return is_old or delivery.attempts >= MOST_ATTEMPTS


def after(deliveries: Deliveries, events: Iterable[StoredEvent]) -> Deliveries:
    """Return `deliveries` with `events` of the stream `alerts` in it."""
    for event in events:
        deliveries = _after_one(deliveries, to_fact(event), event.timestamp)
        deliveries = replace(deliveries, version=event.version)
    return deliveries


def _after_one(deliveries: Deliveries, fact: Fact, at: datetime) -> Deliveries:
    match fact:
        case AlertsBegan():
            return replace(deliveries, began=fact, read_from=fact.read_from)
        case AlertGathered():
            return _gathered(deliveries, fact, at)
        case DeliveryFact():
            return _moved(deliveries, fact, at)
        case _:
            return deliveries


def _gathered(deliveries: Deliveries, fact: AlertGathered, at: datetime) -> Deliveries:
    names = {(name.number, name.address) for name in fact.doubted}
    known = {
        key: replace(one, named_in=fact.number) if key in names else one
        for key, one in deliveries.under_way.items()
        if not _is_forgotten(one, at)
    }
    new = {
        (fact.number, address): Delivery(fact.number, address, fact.title, fact.text, at)
        for address in fact.addresses
    }
    return replace(
        deliveries,
        newest=fact.number,
        read_from=fact.read_from,
        told=deliveries.told | {alert.alert_id for alert in fact.alerts},
        under_way={**known, **new},
    )


def _is_forgotten(one: Delivery, now: datetime) -> bool:
    """Whether it was given up so long ago that nothing says so any more."""
    given_up_at = one.changed_at if one.standing is Standing.GIVEN_UP else None
    return given_up_at is not None and now - given_up_at >= _REMEMBERED


def _moved(deliveries: Deliveries, fact: DeliveryFact, at: datetime) -> Deliveries:
    key = (fact.number, fact.address)
    delivery = deliveries.under_way.get(key)
    if delivery is None:
        return deliveries
    if isinstance(fact, AlertSent):
        return replace(
            deliveries,
            under_way={k: one for k, one in deliveries.under_way.items() if k != key},
            outages={k: one for k, one in deliveries.outages.items() if k != fact.address},
            reached=deliveries.reached | {fact.number},
        )
    delivery = replace(
        delivery,
        standing=_standing(fact),
        attempts=fact.attempt,
        changed_at=at,
        reason=getattr(fact, "reason", ""),
    )
    deliveries = replace(deliveries, under_way={**deliveries.under_way, key: delivery})
    return _with_outage(deliveries, fact, at) if isinstance(fact, AlertFailed) else deliveries


def _with_outage(deliveries: Deliveries, fact: AlertFailed, at: datetime) -> Deliveries:
    known = deliveries.outages.get(fact.address)
    outage = Outage(known.failures + 1 if known else 1, at, fact.reason)
    return replace(deliveries, outages={**deliveries.outages, fact.address: outage})


def _standing(fact: DeliveryFact) -> Standing:
    match fact:
        case AlertBegun():
            return Standing.BEGUN
        case AlertFailed():
            return Standing.GIVEN_UP if fact.is_final else Standing.FAILED
        case _:
            return Standing.DOUBTED


def sentences(deliveries: Deliveries, now: datetime) -> Iterator[str]:
    """Say what the owner was not told, or perhaps not: for the status and the doctor."""
    for address, outage in deliveries.outages.items():
        if now - outage.last_at < _REMEMBERED:
            last = outage.last_at.strftime("%Y-%m-%d %H:%M UTC")
            yield (
                f"Alerts do not reach {address}: {outage.reason}, {outage.failures} in a row, the "
                f"last at {last}; try `council doctor --notify`."
            )
    lost = deliveries.given_up(now - _REMEMBERED)
    for address in dict.fromkeys(one.address for one in lost):
        titles = (f"“{one.title}”" for one in lost if one.address == address)
        yield f"Alerts that {address} never took, and that were given up: {', '.join(titles)}."
    abandoned = (one for one in deliveries.cut_short() if _is_abandoned(one, now))
    for one in (*abandoned, *deliveries.doubted()):
        yield f"An alert may not have arrived at {one.address}: “{one.title}”."


def _is_abandoned(begun: Delivery, now: datetime) -> bool:
    """Whether an attempt is so old that nobody can be making it any more."""
    return begun.changed_at is not None and now - begun.changed_at >= LONGEST_ATTEMPT
