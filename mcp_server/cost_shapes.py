"""The JSON about money: what calls to models cost, by whom and for what, the caps, a forecast."""

from mcp_server.shapes import Shape


class CostLineShape(Shape):
    """What the calls of one account, stage, model, week or month cost."""

    name: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """Null where the cost of a call is unknown, never 0 for that."""
    known_usd: float
    estimated_usd: float
    """That part of `known_usd` which comes from a price table and not from who was paid."""
    unknown_calls: int
    """Calls that may have been billed, nobody says how much."""


class CapShape(Shape):
    """A cap and what counts against it: costs, and what was set aside where a cost is unknown."""

    name: str
    cap_usd: float | None
    counted_usd: float


class ForecastShape(Shape):
    """The coming week by the configured models, if all goes well and each question is asked once.

    `cost_usd` is null where no model has a known price; `unpriced` models are not in it.
    """

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    unpriced: tuple[str, ...]
    basis: str


class CostsShape(Shape):
    """What was spent, in every way of looking at it; `week_id` is null where all weeks are in it.

    The caps of `week_id`, or of the week in force, and of this month; the month is New York's.
    """

    week_id: str | None
    mode: str
    total: CostLineShape
    accounts: tuple[CostLineShape, ...]
    stages: tuple[CostLineShape, ...]
    models: tuple[CostLineShape, ...]
    weeks: tuple[CostLineShape, ...]
    months: tuple[CostLineShape, ...]
    caps: tuple[CapShape, ...]
    coming_week: ForecastShape
