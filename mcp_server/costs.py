"""What calls to models cost, read from the record of every call."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from config.clock import NEW_YORK
from config.market_calendar import xnys
from config.weeks import current_week
from council.events import ModelCalled
from council.llm.forecast import coming_week
from council.llm.prices import PriceList
from council.llm.recorded_calls import RecordedCalls, TimedCall
from council.llm.spending import Spending, charge_of, spending_of
from council.ports import Deps
from mcp_server.cost_shapes import CapShape, CostLineShape, CostsShape, ForecastShape
from mcp_server.wiring import App


async def read_costs(app: App, week_id: str | None) -> CostsShape:
    """Return the costs of a week (None: of all), the caps in force and a forecast."""
    calls = await _calls(app.deps)
    # The calls of years take a while to add up, and pages wait meanwhile.
    return await asyncio.to_thread(_costs, app, calls, week_id)


def _costs(app: App, every: Sequence[TimedCall], week_id: str | None) -> CostsShape:
    chosen = [timed for timed in every if week_id in {None, timed[1].week_id}]
    return CostsShape(
        week_id=week_id,
        mode=app.standing.mode,
        total=_line("all", [call for _, call in chosen]),
        accounts=_lines(chosen, lambda at, call: call.asked_by),
        stages=_lines(chosen, lambda at, call: call.stage),
        models=_lines(chosen, lambda at, call: call.requested_model),
        weeks=_lines(chosen, lambda at, call: call.week_id),
        months=_lines(chosen, lambda at, call: _month(at)),
        caps=_caps(app, every, week_id),
        coming_week=_forecast(app, [call for _, call in every]),
    )


async def _calls(deps: Deps) -> tuple[TimedCall, ...]:
    if deps.remembered.calls is None:
        deps.remembered.calls = RecordedCalls()
    return await deps.remembered.calls.read_on(deps.store)


def _month(at: datetime) -> str:
    return at.astimezone(NEW_YORK).strftime("%Y-%m")


def _lines(
    calls: Sequence[TimedCall], name_of: Callable[[datetime, ModelCalled], str]
) -> tuple[CostLineShape, ...]:
    """Return one line for each name, in the order of the names."""
    grouped: dict[str, list[ModelCalled]] = {}
    for at, call in calls:
        grouped.setdefault(name_of(at, call), []).append(call)
    return tuple(_line(name, grouped[name]) for name in sorted(grouped))


def _line(name: str, calls: Sequence[ModelCalled]) -> CostLineShape:
    total: Spending = spending_of(calls)
    return CostLineShape(
        name=name,
        calls=total.calls,
        prompt_tokens=total.prompt_tokens,
        completion_tokens=total.completion_tokens,
        cost_usd=None if total.cost_usd is None else float(total.cost_usd),
        known_usd=float(total.known_usd),
        estimated_usd=float(total.estimated_usd),
        unknown_calls=total.unknown,
    )


def _caps(app: App, calls: Sequence[TimedCall], week_id: str | None) -> tuple[CapShape, ...]:
    deps, caps, now = app.deps, app.deps.config.models.budget, app.deps.clock.now()
    week = week_id or current_week(now, xnys(), deps.config.schedule).week_id
    of_week = [call for _, call in calls if call.week_id == week]
    of_month = [call for at, call in calls if _month(at) == _month(now)]
    return (
        _cap(f"week {week}", caps.week_usd, of_week),
        _cap(f"month {_month(now)}", caps.month_usd, of_month),
    )


def _cap(name: str, cap: Decimal | None, calls: Sequence[ModelCalled]) -> CapShape:
    counted = sum(map(charge_of, calls), Decimal(0))
    return CapShape(
        name=name, cap_usd=None if cap is None else float(cap), counted_usd=float(counted)
    )


def _forecast(app: App, calls: Sequence[ModelCalled]) -> ForecastShape:
    models = app.deps.config.models
    found = coming_week(app.deps.config, PriceList(models.prices), calls)
    as_of = f" of {models.prices.as_of}" if models.prices.as_of else ""
    tokens = (
        f"tokens as counted for {found.measured} of {found.questions} questions, usual ones for "
        "the others"
        if found.measured
        else "usual tokens, as none are counted yet; hidden reasoning may add half as much again"
    )
    return ForecastShape(
        calls=found.questions,
        prompt_tokens=found.prompt_tokens,
        completion_tokens=found.completion_tokens,
        cost_usd=float(found.usd) if found.usd else None,
        unpriced=found.unpriced,
        basis=f"prices{as_of} in models.yaml; {tokens}; reports of research services come on top",
    )
