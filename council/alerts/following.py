"""Reads on in the log, for telling: what is under way, what is new, and what was told."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Final

from config.clock import NEW_YORK
from config.weeks import week_id_at
from council.alert_facts import ALERTS_STREAM
from council.alerts.deliveries import Deliveries, after
from council.alerts.due import OLDEST
from council.alerts.scene import WATCHED, Lens, Scene, seen, without_old_news
from council.alerts.spending import Watermarks
from council.codec import to_fact
from council.events import ModelCalled
from council.ports import Deps
from council.trading.relaying import RELAYED
from store.events import StoredEvent

_NEVER: Final = 2**63
"""Before telling began, everything is history; that it begins is decided once all is read."""
_BREATH: Final = 50
"""After so many events others get a turn: orders may be under way in this process."""
_WEEKS_OF_A_MONTH: Final = 6
_WATCHED: Final = tuple(kind.__name__ for kind in WATCHED)


class Follower:
    """What one process has read; `scene` and `deliveries` are as of the last `catch_up`."""

    def __init__(self, deps: Deps) -> None:
        self.scene = Scene()
        self.deliveries = Deliveries()
        self._deps = deps
        self._marks = Watermarks(deps.config.models.budget, deps.config.risk.alerts.budget_share)
        self._kinds = (*_WATCHED, ModelCalled.__name__) if self._marks.any_set else _WATCHED
        self._has_the_past = False

    async def catch_up(self) -> None:
        """Read what is new in the log; the first time from where something was still open.

        Raises:
            CouncilError: the store cannot be read, or holds what this version cannot read.
        """
        await self.read_deliveries()
        if not self._has_the_past:
            await self._read_the_past()
        await self._read(self.scene.position, self._kinds)
        since_at = self._deps.clock.now() - OLDEST
        self.scene = without_old_news(self.scene, since_at, self.deliveries.told)

    async def read_deliveries(self) -> None:
        """Read what was told and what became of it, whoever told it."""
        before = self.deliveries
        events = await self._deps.store.read_stream(ALERTS_STREAM, before.version)
        known = before
        for start in range(0, len(events), _BREATH):
            known = after(known, events[start : start + _BREATH])
            await asyncio.sleep(0)
        self.deliveries = known
        if before.began is None and self.deliveries.began is not None:
            # What was read until now was read as history, and some of it may be none.
            self.scene, self._has_the_past = Scene(), False

    async def _read_the_past(self) -> None:
        head = await self._deps.store.head()
        scene = Scene()
        if self._marks.any_set:
            # It brings the models' client, whose import would keep orders waiting here.
            await asyncio.to_thread(import_module, "council.llm.spending")
            calls = await self._calls_of_the_month()
            scene = await self._folded(scene, [call for call in calls if call.position <= head])
        self.scene = replace(scene, position=0)
        await self._read(self.deliveries.read_from, _WATCHED, up_to=head)
        self.scene, self._has_the_past = replace(self.scene, position=head), True

    async def _calls_of_the_month(self) -> Sequence[StoredEvent]:
        """Return the calls to models of the weeks that the month in force can count, in order."""
        now, week = self._deps.clock.now(), timedelta(days=7)
        weeks = [week_id_at(now - number * week) for number in range(_WEEKS_OF_A_MONTH)]
        streams = [await self._deps.store.read_stream(f"llm-{week_id}") for week_id in weeks]
        calls = (e for events in streams for e in events if e.event_type == ModelCalled.__name__)
        return sorted(calls, key=lambda event: event.position)

    async def _read(
        self, after_position: int, kinds: Collection[str], *, up_to: int = _NEVER
    ) -> None:
        events: list[StoredEvent] = []
        async for event in self._deps.store.read_all(after_position, event_types=tuple(kinds)):
            if event.position > up_to:
                break
            events.append(event)
            if len(events) == _BREATH:
                self.scene, events = await self._folded(self.scene, events), []
        self.scene = await self._folded(self.scene, events)

    async def _folded(self, scene: Scene, events: Sequence[StoredEvent]) -> Scene:
        lens = self._lens()
        for event in events:
            scene = seen(scene, event, to_fact(event), lens)
        await asyncio.sleep(0)
        return scene

    def _lens(self) -> Lens:
        began = self.deliveries.began
        return Lens(
            after_position=began.position if began else _NEVER,
            relayed=RELAYED,
            month_of=_month_of,
            charge_of=_charge_of,
            marks=self._marks,
        )


def _month_of(at: datetime) -> str:
    return at.astimezone(NEW_YORK).strftime("%Y-%m")


def _charge_of(call: ModelCalled) -> Decimal:
    from council.llm.spending import charge_of  # noqa: PLC0415 heavy: openai

    return charge_of(call)
