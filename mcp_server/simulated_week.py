"""One week of a simulation: every moment of its plan, with a script in the owner's place.

What is played is what a real week runs. Models and accounts take their turns one after the other,
so that the same plan leaves the same facts in the same order; language models, whose answers are
kept, leave the same ones from the second time on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from config.clock import VirtualClock
from config.weeks import week_id_at
from council.checkpoints import run_checkpoint
from council.errors import AccountHalted, TicketExpired
from council.marking import mark
from council.pipeline import run_week
from council.ports import Deps
from council.postmortems import run_postmortem
from council.simulate import Moment, SimulationPlan, moments_of
from council.trade_facts import TradeProposed, TradingHalted, TradingResumed
from council.trading.account_guard import load_guard
from council.trading.approvals import Decider, approve, reject
from council.trading.executor import run_until_settled
from council.trading.journal import record
from mcp_server.in_turns import in_turns
from mcp_server.simulated_floor import with_instant_answers

OWNER: Final = Decider("simulation", "simulation", "simulation")
TURNED_DOWN: Final = "turned down by the simulated owner"
SETTLING_TIMEOUT: Final = timedelta(minutes=10)
ROUNDS: Final = 3
"""How often a ticket is decided anew after its price has left the band."""


class Halts:
    """The log read for halts, each time from where it was read last."""

    def __init__(self) -> None:
        self._position = 0

    async def newly_halted(self, deps: Deps) -> tuple[str, ...]:
        """Return the accounts that were halted since the last look, each once."""
        accounts: dict[str, None] = {}
        kinds = (TradingHalted.__name__,)
        async for event in deps.store.read_all(self._position, event_types=kinds):
            self._position = event.position
            accounts[str(event.account_id)] = None
        return tuple(accounts)


@dataclass(frozen=True, slots=True)
class Stage:
    """What the weeks are played with; `clock` is the one that `deps` tell the time by."""

    plan: SimulationPlan
    deps: Deps
    clock: VirtualClock
    halts: Halts = field(default_factory=Halts)


def staged(plan: SimulationPlan, deps: Deps, clock: VirtualClock) -> Stage:
    """Set the stage: whoever answers does so in turns."""
    return Stage(plan, with_instant_answers(in_turns(deps)), clock)


async def play_week(week_id: str, stage: Stage) -> None:
    """Play every moment of the week that is to be played from its beginning."""
    deps = stage.deps
    for moment in moments_of(week_id, deps.calendar, deps.config.schedule):
        stage.clock.advance_to(moment.at)
        await _play(moment, week_id, stage)


async def _play(moment: Moment, week_id: str, stage: Stage) -> None:
    if moment.deed == "deliberate":
        await run_week(week_id, stage.deps)
        await _decide(week_id, stage)
    elif moment.deed == "open":
        await _open(week_id, stage)
    elif moment.deed == "checkpoint":
        facts = await run_checkpoint(week_id, stage.deps, slot=moment.slot)
        if any(isinstance(fact, TradeProposed) for fact in facts):
            await _settle(await _decide(week_id, stage), week_id, stage)
    elif moment.deed == "close":
        await mark(week_id, stage.deps, slot="close")
    else:
        await run_postmortem(week_id, stage.deps)


async def _open(week_id: str, stage: Stage) -> None:
    """Let every account's session begin as an executor would, halted ones included."""
    await _resume(stage)
    await mark(week_id, stage.deps, slot="open")
    await _decide(week_id, stage)
    await _settle(tuple(stage.deps.desks), week_id, stage)


async def _settle(accounts: Sequence[str], week_id: str, stage: Stage) -> None:
    """Let the executor work on `accounts` until nothing is under way; what it asks is decided."""
    for _ in range(ROUNDS):
        for account in accounts:
            await run_until_settled(stage.deps, (account,), timeout=SETTLING_TIMEOUT)
        accounts = await _decide(week_id, stage)


async def _decide(week_id: str, stage: Stage) -> tuple[str, ...]:
    """Give the owner's verdict on every trade that waits; return the accounts with approvals."""
    where = {"status": "pending", "week_id": week_id}
    waiting = await stage.deps.store.rows(
        "trades", where=where, order_by=("proposed_at", "account_id")
    )
    approved = [
        str(row["account_id"])
        for row in waiting
        if await _is_approved(UUID(str(row["trade_id"])), stage)
    ]
    return tuple(dict.fromkeys(approved))


async def _is_approved(trade_id: UUID, stage: Stage) -> bool:
    """Give one verdict; a halted account's trade waits on, and one past its time is over."""
    try:
        if stage.plan.turns_down(trade_id):
            await reject(trade_id, TURNED_DOWN, stage.deps, decider=OWNER)
            return False
        await approve(trade_id, stage.deps, decider=OWNER)
    except (AccountHalted, TicketExpired):
        return False
    return True


async def _resume(stage: Stage) -> None:
    """End the halts that stand, as the owner would on the next morning."""
    if stage.plan.keep_halts:
        return
    for account in await stage.halts.newly_halted(stage.deps):
        guard = await load_guard(stage.deps.store, account)
        if guard.halted is None:
            continue
        resumed = TradingResumed(
            week_id=week_id_at(stage.clock.now()),
            account=account,
            number=guard.halted.number,
            by=OWNER.name,
            channel=OWNER.channel,
        )
        await record(stage.deps, [resumed], {resumed.stream: guard.version})
