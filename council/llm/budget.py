"""Keeps the calls to models within the caps: what a call can cost is set aside before it is made.

What was spent is read from the recorded calls of every process; what is under way is known only to
this one, so that two processes can pass a cap by what the other has under way. A call of unknown
cost that may have been billed counts with what was set aside for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from config.clock import NEW_YORK, Clock
from config.model_schema import BudgetConfig
from council.codec import to_fact
from council.events import ModelCalled
from council.joint_reading import JointReading
from council.llm.journal import Journal
from council.llm.spending import charge_of

STAGE_RUN = timedelta(hours=1)
"""A stage's calls within this time are one run of it: a checkpoint has several runs a day."""
_REMEMBERED = timedelta(days=45)
"""No cap looks further back."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the call `call_id` can cost at most; `stage` of a week is who spends it."""

    call_id: UUID
    week_id: str
    stage: str
    usd: Decimal


@dataclass(frozen=True, slots=True)
class OverBudget:
    """A call was not made; `reason` names the cap."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Charge:
    at: datetime
    claim: Claim
    counts_for_stage: bool = True
    """Reports of research services do not: they cost more than all calls of their stage."""


class Budget:
    """What is spent and what is set aside, shared by all calls of this process."""

    def __init__(
        self, journal: Journal, clock: Clock, caps: BudgetConfig, *, simulated: bool = False
    ) -> None:
        """Keep to `caps`; where time is `simulated`, all its months are one: they are paid now."""
        self._journal = journal
        self._clock = clock
        self._caps = caps
        self._simulated = simulated
        self._charges: dict[UUID, _Charge] = {}
        self._read_up_to = 0
        self._reading = JointReading()

    async def reserve(self, claim: Claim, *, for_stage: bool = True) -> OverBudget | None:
        """Set `claim` aside until its call is on record, or say which cap has no room for it.

        What is not `for_stage` counts for week and month alone.

        Raises:
            StoreUnavailable: what was spent cannot be read.
        """
        await self._reading.join(self._catch_up)
        # From here on nothing waits: no other call can come between looking and setting aside.
        now = self._clock.now()
        # An attempt of this call that was broken off may have left something set aside.
        others = [c for call_id, c in self._charges.items() if call_id != claim.call_id]
        for name, cap, counts in self._scopes(claim, now)[0 if for_stage else 1 :]:
            used = sum((c.claim.usd for c in others if counts(c)), Decimal(0))
            if cap is not None and used + claim.usd > cap:
                return OverBudget(_reason(name, cap, used, claim.usd))
        self._charges[claim.call_id] = _Charge(now, claim, for_stage)
        return None

    def set_aside(self, claim: Claim, *, for_stage: bool = True) -> None:
        """Set `claim` aside without looking at the caps: it is under way and paid in any case."""
        self._charges[claim.call_id] = _Charge(self._clock.now(), claim, for_stage)

    def release(self, claim_id: UUID) -> None:
        """Forget what was set aside for something that surely cost nothing."""
        self._charges.pop(claim_id, None)

    def _scopes(
        self, claim: Claim, now: datetime
    ) -> tuple[tuple[str, Decimal | None, Callable[[_Charge], bool]], ...]:
        month = self._month(now)
        return (
            (
                f"one run of {claim.stage.replace('_', ' ')}",
                self._caps.stage_usd,
                lambda c: c.counts_for_stage and _same_run(c, claim, now),
            ),
            (
                f"week {claim.week_id}",
                self._caps.week_usd,
                lambda c: c.claim.week_id == claim.week_id,
            ),
            (
                f"the {month}",
                self._caps.month_usd,
                lambda c: self._month(c.at) == month,
            ),
        )

    def _month(self, at: datetime) -> str:
        """Return in words what `at` counts for; a simulated year is paid in an hour."""
        if self._simulated:
            return "simulation, which has a month's budget,"
        return f"month {at.astimezone(NEW_YORK):%Y-%m}"

    async def _catch_up(self) -> None:
        """Take in what was recorded since the last time, by whichever process."""
        oldest_at = self._clock.now() - _REMEMBERED
        async for event in self._journal.call_events(self._read_up_to):
            self._read_up_to = event.position
            is_young = self._simulated or event.timestamp >= oldest_at
            fact = to_fact(event) if is_young else None
            if isinstance(fact, ModelCalled):
                self._charges[fact.call_id] = _charge(fact, event.timestamp)


def _charge(called: ModelCalled, at: datetime) -> _Charge:
    """Return what is on record; only calls to the gateway have a mode, reports have none."""
    claim = Claim(called.call_id, called.week_id, called.stage, charge_of(called))
    return _Charge(at, claim, counts_for_stage=called.mode is not None)


def _same_run(charge: _Charge, claim: Claim, now: datetime) -> bool:
    same = (charge.claim.week_id, charge.claim.stage) == (claim.week_id, claim.stage)
    return same and charge.at > now - STAGE_RUN


def _reason(name: str, cap: Decimal, used: Decimal, wanted: Decimal) -> str:
    return (
        f"budget: {used:.2f} of the {cap:.2f} USD for {name} are spent or set aside, "
        f"and this call can cost {wanted:.2f}"
    )
