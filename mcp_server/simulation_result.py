"""What a simulation comes to: counted in its database, measured as every week is."""

from collections import Counter
from typing import Any

from council.analytics.results import AccountResults
from council.codec import to_fact
from council.events import CheckpointAbstained, CheckpointTaken
from council.simulate import SimulationPlan
from council.trade_facts import OrderAccepted
from council.week_results import read_results
from mcp_server.desks import STARTING_CASH_USD
from mcp_server.simulation_shapes import AccountOutcomeShape, LooksShape, SimulationShape
from mcp_server.wiring import App

_DIGITS = 6
"""After the point: of fractions and ratios that a person reads."""
_HEAD = "SELECT encode(hash, 'hex') FROM events ORDER BY position DESC LIMIT 1"
_KINDS = "SELECT event_type, count(*) AS events FROM events GROUP BY event_type"


async def result_of(
    plan: SimulationPlan, app: App, *, prices: str, notices: tuple[str, ...], seconds: float
) -> SimulationShape:
    """Return what is in the finished simulation's database."""
    kinds = {row["event_type"]: row["events"] for row in await app.pool.fetch(_KINDS)}
    trades = await app.deps.store.rows("trades", order_by=("status",))
    measured = await read_results(app.deps)
    accounts = [await _outcome(results, app) for results in measured.to_date]
    return SimulationShape(
        name=plan.name,
        weeks=plan.weeks,
        first_week=plan.first_week,
        last_week=plan.week_ids[-1],
        seed=plan.seed,
        prices=prices,
        mode=app.standing.mode,
        degraded=(*app.standing.degraded, *notices),
        events=sum(kinds.values()),
        trades=Counter(str(row["status"]) for row in trades),
        orders=kinds.get(OrderAccepted.__name__, 0),
        checkpoints=await _looks(app),
        postmortems=kinds.get("PostmortemWritten", 0) + kinds.get("PostmortemAbstained", 0),
        seconds=round(seconds, 2),
        accounts=tuple(accounts),
        chain_head=await app.pool.fetchval(_HEAD) or "",
    )


async def _outcome(results: AccountResults, app: App) -> AccountOutcomeShape:
    worth = await app.deps.desks[results.account].venue.account()
    return AccountOutcomeShape(
        account=results.account,
        equity_usd=float(worth.equity),
        profit_usd=round(float(worth.equity - STARTING_CASH_USD), 2),
        time_weighted_return=_rounded(results.time_weighted_return),
        sharpe=_rounded(results.sharpe.ratio if results.sharpe else None),
        max_drawdown=_rounded(results.maximum_drawdown),
    )


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, _DIGITS)


async def _looks(app: App) -> LooksShape:
    counts: Counter[str] = Counter()
    kinds = (CheckpointTaken.__name__, CheckpointAbstained.__name__)
    async for event in app.deps.store.read_all(event_types=kinds):
        counts[_decided_by(to_fact(event))] += 1
    looked, by_rules = sum(counts.values()), counts["rules"]
    return LooksShape(
        looked=looked,
        by_rules=by_rules,
        by_models=counts["model"],
        abstained=counts["nobody"],
        saved_share=round(by_rules / looked, 4) if looked else None,
    )


def _decided_by(fact: Any) -> str:
    return fact.checkpoint.decided_by if isinstance(fact, CheckpointTaken) else "nobody"
