"""Tells the owner: reads the log, gathers what is due, sends it, and writes down what came of it.

One process at a time tells, under a lock that saves work; that nothing is told twice rests on the
facts. Each step is stored before it is made, at the version at which it was decided.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from config.errors import CouncilError
from config.weeks import week_id_at
from council.alert_facts import (
    ALERTS_STREAM,
    AlertBegun,
    AlertDoubted,
    AlertFailed,
    AlertGathered,
    AlertsBegan,
    AlertSent,
    DeliveryName,
    GatheredAlert,
)
from council.alerts.alert import Alert
from council.alerts.deliveries import Delivery, is_last
from council.alerts.due import Timing, due
from council.alerts.following import Follower
from council.alerts.message import Letterhead, message_of
from council.alerts.ports import Attempt, Carrier, Outcome
from council.errors import Overtaken
from council.fact import Fact
from council.ports import Deps
from council.trading.journal import record

WINDOW: Final = timedelta(minutes=1)
"""How long what falls together is gathered before it is told."""
_LOCK: Final = "alerts"


class Teller:
    """Tells by one carrier what the log of `deps` gives to tell."""

    def __init__(
        self, deps: Deps, carrier: Carrier, head: Letterhead, *, window: timedelta = WINDOW
    ) -> None:
        rules = deps.config.risk.alerts
        self._deps = deps
        self._carrier = carrier
        self._head = head
        self._timing = Timing(window, timedelta(minutes=rules.expires_soon_minutes))
        self._log = Follower(deps)
        self._outcomes: list[Fact] = []
        """What came of attempts and is not stored yet, because the store was away."""
        self._writing = asyncio.Lock()

    async def look(self) -> None:
        """Read what is new and tell what is due, unless another process is telling.

        Raises:
            CouncilError: the store cannot be read or written; nothing is lost by it.
        """
        await self._log.catch_up()
        if not self._is_anything_due():
            return
        async with self._deps.locks.exclusive(_LOCK) as held:
            if not held:
                return
            try:
                await self._tell()
            except Overtaken:  # whoever lost the lock unnoticed may still be writing
                return

    def _is_anything_due(self) -> bool:
        known = self._log.deliveries
        return (
            known.began is None
            or bool(self._outcomes)
            or bool(known.cut_short())
            or any(known.next_for(address, self._now()) for address in self._carrier.addresses)
            or bool(self._due())
        )

    async def _tell(self) -> None:
        await self._log.catch_up()  # the former holder of the lock may have written
        if self._log.deliveries.began is None:
            await self._begin()
        await self._write_outcomes()
        await self._doubt_what_was_cut_short()
        await self._gather()
        await self._send_everywhere()

    async def _begin(self) -> None:
        scene = self._log.scene
        fact = AlertsBegan(
            week_id=week_id_at(self._now()), position=scene.position, read_from=scene.read_from
        )
        await self._decide(fact)
        await self._log.catch_up()

    async def _doubt_what_was_cut_short(self) -> None:
        """Give up for unknown what somebody began and did not live to write down."""
        for one in self._log.deliveries.cut_short():
            reason = "the program ended while it was sent"
            await self._decide(AlertDoubted(**_attempt(one, self._now()), reason=reason))

    async def _gather(self) -> None:
        alerts, known = self._due(), self._log.deliveries
        if not alerts:
            return
        self._deps.failpoint("alerts.before_gathered")
        message = message_of(alerts, known.lost(), self._head)
        await self._decide(
            AlertGathered(
                week_id=week_id_at(self._now()),
                number=known.newest + 1,
                title=message.title,
                text=message.text,
                alerts=tuple(GatheredAlert(alert_id=a.alert_id, kind=a.kind) for a in alerts),
                addresses=self._carrier.addresses,
                doubted=tuple(
                    DeliveryName(number=one.number, address=one.address) for one in known.doubted()
                ),
                read_from=self._log.scene.read_from,
            )
        )
        self._deps.failpoint("alerts.after_gathered")

    async def _send_everywhere(self) -> None:
        """Serve all addresses side by side; what goes wrong at one must not cut the others short.

        Raises:
            CouncilError: the store did not take what came of an attempt; it is kept and tried.
        """
        calls = [self._send_all(address) for address in self._carrier.addresses]
        for result in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _send_all(self, address: str) -> None:
        """Send what waits for an address, the oldest first, until one does not get through."""
        for _ in range(len(self._log.deliveries.under_way) + 1):
            delivery = self._log.deliveries.next_for(address, self._now())
            if delivery is None:
                return
            await self._send(delivery)

    async def _send(self, delivery: Delivery) -> None:
        begun = replace(delivery, attempts=delivery.attempts + 1)
        await self._decide(AlertBegun(**_attempt(begun, self._now())))
        self._deps.failpoint("alerts.after_begun")
        attempt = await self._carrier.send(delivery.address, delivery.title, delivery.text)
        self._deps.failpoint("alerts.after_sent")
        self._outcomes.append(_outcome_of(attempt, begun, self._now()))
        await self._write_outcomes()
        self._deps.failpoint("alerts.after_recorded")

    async def _write_outcomes(self) -> None:
        """Store what came of attempts, at whatever version: it is so, whoever else wrote."""
        async with self._writing:
            while self._outcomes:
                # Overtaken by itself alone: it was stored before the store went away.
                with suppress(Overtaken):
                    await record(self._deps, self._outcomes[:1], {})
                del self._outcomes[0]
            await self._log.read_deliveries()

    async def _decide(self, fact: Fact) -> None:
        """Store `fact` where nobody else wrote since it was decided.

        Raises:
            Overtaken: somebody did.
        """
        # Addresses are served side by side, and each fact changes the version of the others.
        async with self._writing:
            versions = {ALERTS_STREAM: self._log.deliveries.version}
            await record(self._deps, (fact,), versions)
            await self._log.read_deliveries()

    def _due(self) -> tuple[Alert, ...]:
        known = self._log.deliveries.told
        return due(self._log.scene, self._now(), known, self._timing)

    def _now(self) -> datetime:
        return self._deps.clock.now()


async def tell_for_ever(teller: Teller, stop: asyncio.Event, interval: timedelta) -> None:
    """Look every `interval` until `stop` is set; whatever fails is logged, and never raised."""
    log = structlog.get_logger("alerts")
    away = ""
    while not stop.is_set():
        try:
            await teller.look()
            away = ""
        except CouncilError as error:
            if str(error) != away:
                log.warning("alerts.wait", reason=str(error))
            away = str(error)
        except Exception as error:
            if repr(error) != away:
                log.exception("alerts.look_failed")
            away = repr(error)
        await _pause(stop, interval)


async def _pause(stop: asyncio.Event, interval: timedelta) -> None:
    try:
        async with asyncio.timeout(interval.total_seconds()):
            await stop.wait()
    except TimeoutError:
        return


def _attempt(delivery: Delivery, now: datetime) -> dict[str, Any]:
    return {
        "week_id": week_id_at(now),
        "number": delivery.number,
        "address": delivery.address,
        "attempt": delivery.attempts,
    }


def _outcome_of(attempt: Attempt, begun: Delivery, now: datetime) -> Fact:
    fields = _attempt(begun, now)
    if attempt.outcome is Outcome.SENT:
        return AlertSent(**fields)
    if attempt.outcome is Outcome.UNKNOWN:
        return AlertDoubted(**fields, reason=attempt.reason)
    return AlertFailed(**fields, reason=attempt.reason, is_final=is_last(begun, now))
