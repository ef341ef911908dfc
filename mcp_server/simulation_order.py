"""From what was asked for to a plan: names, weeks and seeds that nobody gave are filled in."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from broker.exchange.prices import FilePrices
from config.clock import SystemClock
from config.errors import UsageError
from config.loader import load_config
from config.schema import Config
from config.settings import Settings
from config.weeks import parse_week_id, week_id_at
from council.simulate import ALPACA, SYNTHETIC, SimulationPlan, check_plan, check_weeks, hash_of
from mcp_server.demo_week import best_week, weeks_covered
from mcp_server.simulation_prices import content_hash

FIRST_SYNTHETIC_WEEK: Final = date(2024, 1, 3)
"""Where made-up prices begin unless told otherwise: the same for everyone, on any day."""

_HASH_CHARACTERS: Final = 8
_WEEK: Final = timedelta(weeks=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationOrder:
    """What was asked for; `first_week` is None for the usual one, `name` for one by parameters."""

    weeks: int
    first_week: str | None = None
    seed: int = 7
    prices: str = SYNTHETIC
    name: str | None = None
    reject_share: Decimal = Decimal(0)
    keep_halts: bool = False
    live: bool = False


def planned(order: SimulationOrder, settings: Settings) -> SimulationPlan:
    """Return the plan that `order` comes to.

    Raises:
        UsageError: no such week, name or share, or prices that reach no such weeks.
        ConfigError: the file of bars or the configuration cannot be used.
    """
    check_weeks(order.weeks)
    config = load_config(settings.council_config)
    plan = SimulationPlan(
        name=order.name or "unnamed",
        first_week=_first_week(order, config),
        weeks=order.weeks,
        seed=order.seed,
        prices=order.prices,
        reject_share=order.reject_share,
        keep_halts=order.keep_halts,
        live=order.live,
        config_hash=hash_of(config),
        prices_hash=_prices_hash(order.prices),
    )
    if order.name is None:
        kind = order.prices if order.prices in {SYNTHETIC, ALPACA} else "file"
        plan = replace(plan, name=f"{kind}-{plan.weeks}w-{plan.hash[:_HASH_CHARACTERS]}")
    check_plan(plan)
    return plan


def command_of(plan: SimulationPlan) -> str:
    """Return the command line that goes on with the plan."""
    words = ["council simulate", f"--name {plan.name}", f"--weeks {plan.weeks}"]
    words += [f"--from {plan.first_week}", f"--seed {plan.seed}"]
    words += [f"--prices {plan.prices}"] if plan.prices != SYNTHETIC else []
    words += [f"--reject-share {plan.reject_share}"] if plan.reject_share else []
    words += ["--keep-halts"] if plan.keep_halts else []
    words += ["--live"] if plan.live else []
    return " ".join(words)


def _prices_hash(prices: str) -> str:
    if prices in {SYNTHETIC, ALPACA}:
        return ""
    if not Path(prices).is_file():
        raise UsageError(
            f"There are no prices called {prices}: give synthetic, alpaca, or a file of bars."
        )
    return content_hash(Path(prices))


def _first_week(order: SimulationOrder, config: Config) -> date:
    """Return the week asked for; else the usual one, or as many weeks as asked for up to the last.

    The last is that of the file, or before the one in force.
    """
    if order.first_week is not None:
        return parse_week_id(order.first_week)
    if order.prices == SYNTHETIC:
        return FIRST_SYNTHETIC_WEEK
    if order.prices == ALPACA:
        last = date.fromisoformat(week_id_at(SystemClock().now())) - _WEEK
    else:
        _prices_hash(order.prices)
        bars = FilePrices(Path(order.prices), config.universe)
        last = date.fromisoformat(best_week(weeks_covered(bars), bars.source))
    return last - (order.weeks - 1) * _WEEK
