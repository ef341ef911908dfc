"""One seed from its first proposal to the verdict: a driver that proposes and approves."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from config.errors import UnreachableError
from config.ids import client_order_id_for
from council.errors import AccountHalted, AlreadyDecided, TicketExpired
from council.ports import Deps, Desk
from council.trading.approvals import approve, reject
from council.trading.checks import Standing
from council.trading.desks import holdings_of, look
from council.trading.lifecycle import TradeState, load_trade
from council.trading.tickets import Desire, TicketTerms, build_ticket
from tests.council.trading.scenes import ANNA, BAND, store_proposal
from tests.system.faults.crew import Crew
from tests.system.faults.grounds import Grounds
from tests.system.faults.scenario import OVERTAKEN, Scenario, Step, scenario_of
from tests.system.faults.seat import Seat, seated
from tests.system.faults.verdict import verdict_on

LOOK_EVERY: Final = timedelta(seconds=3)
LONGEST: Final = timedelta(minutes=40)
"""On the run's clock: a trade that is not over by then has hung."""

_SHARE = Decimal("0.4")

_LOOKS: Final = 20
"""At a venue that does not answer, before the driver gives up."""
MOST_ROUNDS: Final = 4
"""A ticket that was voided and asked again this often is rejected."""


@dataclass(frozen=True)
class Result:
    """What came of one seed."""

    seed: int
    violations: tuple[str, ...]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def posts(self) -> int:
        """Return how many orders were sent over the wire."""
        return sum(count for (method, _), count in self.counts.items() if method == "POST")

    @property
    def faulty_posts(self) -> int:
        """Return how many of them met a fault."""
        return self.posts - self.counts["POST", "clean"]


async def run_seed(
    seed: int, grounds: Grounds, *, executors: int = 2, locked: bool = True
) -> Result:
    """Run one seed to rest and judge it."""
    began = time.monotonic()
    scenario = scenario_of(seed)
    folder = grounds.folder / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    async with grounds.seat(seed, locked=locked) as seat:
        crew = Crew(grounds, scenario, seat, folder)
        async with seated(_at_ease(seat, grounds)) as deps:
            async with crew.at_work(executors):
                hung = await _played(scenario, deps, crew)
            verdict = await verdict_on(scenario, deps)
    return Result(
        seed=seed,
        violations=(*hung, *crew.surprises, *crew.outbursts(), *verdict.violations),
        counts=await grounds.counts(seed),
        kills=crew.kills(),
        endings=verdict.endings,
        seconds=time.monotonic() - began,
    )


def _at_ease(seat: Seat, grounds: Grounds) -> Seat:
    """Return the driver's seat: on the clean wire and in no hurry."""
    return replace(seat, origin=grounds.clean_origin, patience_seconds=30.0)


async def _played(scenario: Scenario, deps: Deps, crew: Crew) -> tuple[str, ...]:
    """Play every account's script at the same time; return which trades never ended."""
    scripts = scenario.scripts.items()
    hung = await asyncio.gather(*(_play(name, script, deps, crew) for name, script in scripts))
    return tuple(found for found in hung if found)


async def _play(account: str, script: tuple[Step, ...], deps: Deps, crew: Crew) -> str | None:
    """Propose one trade after the other and see each to its end; an overtaken one ends later."""
    for step in script:
        is_overtaken = step.verdict == OVERTAKEN
        await _propose(account, step, deps)
        state = await _followed(step, deps, crew, until_partly_filled=is_overtaken)
        if not (state.is_over or is_overtaken):
            return _hung(state)
    states = [await _followed(step, deps, crew) for step in script]
    return next((_hung(state) for state in states if not state.is_over), None)


def _hung(state: TradeState) -> str:
    account = state.proposal.account
    return f"trade {state.trade_id} of {account} is still {state.status} after {LONGEST}"


async def _propose(account: str, step: Step, deps: Deps) -> None:
    """Store a ticket of the step, sized from what the account holds now."""
    desk = deps.desks[account]
    standing = await _looked_at(desk, step.instrument, deps)
    held = standing.positions.get(step.instrument, 0)
    desire = Desire(
        step.instrument,
        step.direction,
        conviction=Decimal(step.direction.sign),
        equity_share=_SHARE if step.size == "share" else Decimal(0),
        target_quantity=held // 2 if step.size == "half" else None,
    )
    expires_at = deps.clock.now() + step.lasts
    terms = TicketTerms(step.trade_id, step.week_id, BAND, expires_at)
    holdings = holdings_of(desk, standing, step.instrument)
    await store_proposal(deps, build_ticket(desire, holdings, terms))


async def _looked_at(desk: Desk, instrument: str, deps: Deps) -> Standing:
    """Look at the account as whoever proposes does: again, where its venue does not answer."""
    for _ in range(_LOOKS - 1):
        with suppress(UnreachableError):
            return await look(desk, instrument, deps.clock)
        await deps.clock.sleep(LOOK_EVERY)
    return await look(desk, instrument, deps.clock)


async def _followed(
    step: Step, deps: Deps, crew: Crew, *, until_partly_filled: bool = False
) -> TradeState:
    """Decide as the step says, as often as it is asked, until the trade is over."""
    give_up_at = deps.clock.now() + LONGEST
    asked = 0
    while True:
        state = await load_trade(deps.store, step.trade_id)
        if state.is_over or deps.clock.now() > give_up_at:
            return state
        if state.approved is None and state.proposal.round > asked:
            asked = state.proposal.round
            await _decide(step, asked, deps, crew=crew)
        if until_partly_filled and await _is_partly_filled(step, state, deps):
            return state
        await deps.clock.sleep(LOOK_EVERY)


async def _is_partly_filled(step: Step, state: TradeState, deps: Deps) -> bool:
    orders = await deps.desks[state.proposal.account].venue.open_orders()
    opening = client_order_id_for(step.trade_id, "open", 1)
    return any(one.client_order_id == opening and one.filled_quantity for one in orders)


async def _decide(step: Step, round_: int, deps: Deps, *, crew: Crew) -> None:
    if step.verdict == "ignore":
        return
    if step.verdict == "reject" or round_ > MOST_ROUNDS:
        await reject(step.trade_id, "not this time", deps, decider=ANNA)
        return
    if step.verdict == "approve and die" and round_ == 1:
        await crew.approve_and_die(step.trade_id)
    try:
        await approve(step.trade_id, deps, decider=ANNA)
    except (AlreadyDecided, TicketExpired, AccountHalted):
        return
