"""Simulated weeks with authors that leave as soon as a frozen rule calls for it.

With the gate the rules settle the quiet looks; without it every author is asked in every slot. Both
must lead to the same actions in the same slots. Run by itself:
`uv run python -m tests.system.gate_weeks --weeks 52`.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from broker.exchange.prices import FilePrices, SyntheticPrices
from config.clock import NEW_YORK, VirtualClock
from config.loader import load_config
from config.logs import configure_logs
from config.market_calendar import Session, xnys
from config.settings import Settings, load_settings
from config.weeks import CouncilWeek, council_week
from council.checkpoints import run_checkpoint
from council.context import WeekContext
from council.llm.rehearsal.reading import read_blocks
from council.model.checkpoint import Action, Checkpoint, CheckpointAnswer
from council.pipeline import load_week, run_week
from council.ports import Abstained, Answered, AnswerType, Deps, Models, Question
from council.trading.approvals import Decider, approve
from council.trading.executor import run_until_settled
from mcp_server.wiring import Terms, assembled, opened_database
from store.databases import recreate_database

FIRST_WEEK = date(2022, 1, 5)
SEED = 7
_DECIDER = Decider("gate", "simulation", "simulation")
_JUST_AFTER_OPEN = timedelta(minutes=1)
_SETTLING = timedelta(minutes=10)


@dataclass(frozen=True)
class LeavingOnRules:
    """Authors that exit where a rule demands it and stay elsewhere; all else `models` answer."""

    models: Models

    async def ask(self, question: Question[AnswerType]) -> Answered[AnswerType] | Abstained:
        """Read the checkpoint's blocks as a model would."""
        if question.stage != "checkpoint":
            return await self.models.ask(question)
        answer = cast("AnswerType", _answer(read_blocks(question.own)))
        assert question.problems(answer) == ()
        return Answered(answer, self.model_for(question.asked_by), "valid")

    def model_for(self, asked_by: str) -> str:
        """Return the id of the model that would be asked."""
        return self.models.model_for(asked_by)


def _answer(blocks: dict[str, Any]) -> CheckpointAnswer:
    demanded = blocks["invalidation"]["invalidation_met"] or any(
        reading["crossed"] for reading in blocks["indicators"]
    )
    if demanded:
        return CheckpointAnswer(
            action=Action.EXIT, conviction_after=Decimal(0), reason_delta="A frozen rule says so."
        )
    kept = Decimal(str(blocks["position"]["conviction"]))
    return CheckpointAnswer(
        action=Action.STAY, conviction_after=kept, reason_delta="No frozen rule says otherwise."
    )


async def looks_of(
    settings: Settings, dsn: str, *, weeks: int, gated: bool, bars: Path | None = None
) -> tuple[Checkpoint, ...]:
    """Play the weeks and return every look that was taken, in order."""
    config = load_config(settings.council_config)
    clock = VirtualClock(council_week(FIRST_WEEK.isoformat(), xnys(), config.schedule).starts_at)
    symbols = (*config.universe, config.assets.volatility_proxy)
    prices = FilePrices(bars, symbols) if bars else SyntheticPrices(SEED, symbols)
    terms = Terms(clock=clock, prices=prices, dsn=dsn, halt_file=False)
    async with assembled(settings, terms) as app:
        deps = _with_leavers(app.deps, gated=gated)
        found = []
        for number in range(weeks):
            week_id = (FIRST_WEEK + number * timedelta(weeks=1)).isoformat()
            week = council_week(week_id, deps.calendar, config.schedule)
            context = await _play(week, deps, clock)
            found += [taken.checkpoint for taken in context.checkpoints]
        return tuple(found)


def saved(looks: Sequence[Checkpoint]) -> float:
    """Return the share of looks for which no model was asked."""
    return sum(look.decided_by == "rules" for look in looks) / len(looks)


def _with_leavers(deps: Deps, *, gated: bool) -> Deps:
    """Return `deps` with authors that leave on rules; without the gate no price is quiet.

    No loss halts an account, as nobody is there to resume it.
    """
    risk = deps.config.risk
    quiet = risk.checkpoint.quiet_atr if gated else Decimal(0)
    changed = {
        "checkpoint": risk.checkpoint.model_copy(update={"quiet_atr": quiet}),
        "limits": risk.limits.model_copy(update={"daily_loss": Decimal(1)}),
    }
    config = deps.config.model_copy(update={"risk": risk.model_copy(update=changed)})
    return replace(deps, config=config, models=LeavingOnRules(deps.models))


async def _play(week: CouncilWeek, deps: Deps, clock: VirtualClock) -> WeekContext:
    """Live one week: approve all that is proposed, look in every slot of every session."""
    _advance(clock, week.starts_at)
    await run_week(week.week_id, deps)
    await _approve_all(week, deps)
    _advance(clock, deps.calendar.next_to_open(week.starts_at).open_at + _JUST_AFTER_OPEN)
    await run_until_settled(deps, tuple(deps.desks), timeout=_SETTLING)
    first, last = (at.astimezone(NEW_YORK).date() for at in (week.starts_at, week.ends_at))
    for session in deps.calendar.between(first, last):
        await _look_in_every_slot(session, week, deps, clock)
    _advance(clock, week.ends_at)
    return await load_week(week.week_id, deps.store)


async def _look_in_every_slot(
    session: Session, week: CouncilWeek, deps: Deps, clock: VirtualClock
) -> None:
    for slot in deps.config.schedule.checkpoints:
        at = datetime.combine(session.session_on, slot, tzinfo=NEW_YORK)
        if not clock.now() < at < session.close_at:
            continue
        clock.advance_to(at)
        await run_checkpoint(week.week_id, deps, slot=f"{slot:%H:%M}")
        if await _approve_all(week, deps):
            await run_until_settled(deps, tuple(deps.desks), timeout=_SETTLING)


async def _approve_all(week: CouncilWeek, deps: Deps) -> bool:
    rows = await deps.store.rows("trades", where={"week_id": week.week_id, "status": "pending"})
    for row in rows:
        await approve(UUID(str(row["trade_id"])), deps, decider=_DECIDER)
    return bool(rows)


def _advance(clock: VirtualClock, at: datetime) -> None:
    if clock.now() < at:
        clock.advance_to(at)


async def _main(weeks: int, bars: Path | None) -> None:
    settings = load_settings()
    configure_logs("ERROR", ())
    async with opened_database(settings) as dsn:
        found = {}
        for gated in (True, False):
            scratch = await recreate_database(dsn, "council_gate")
            found[gated] = await looks_of(settings, scratch, weeks=weeks, gated=gated, bars=bars)
    exits = [look for look in found[False] if look.action is Action.EXIT]
    same = [(x.checkpoint_id, x.action) for x in found[True]] == [
        (x.checkpoint_id, x.action) for x in found[False]
    ]
    print(  # noqa: T201 the result of a run by hand
        f"{weeks} weeks: {len(found[True])} looks, {saved(found[True]):.1%} without a model; "
        f"{len(exits)} exits, {sum(x.invalidation_met for x in exits)} by an invalidation, "
        f"{sum(x.event is not None for x in found[True])} looks in an event; same actions: {same}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--bars", type=Path)
    arguments = parser.parse_args()
    asyncio.run(_main(arguments.weeks, arguments.bars))
