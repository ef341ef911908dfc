"""What came of a simulation, as programs are given it."""

from datetime import date

from pydantic import ConfigDict, Field

from mcp_server.shapes import Shape


class LooksShape(Shape):
    """The looks at open trades; `saved_share` is the part of them that asked no model."""

    looked: int
    by_rules: int
    by_models: int
    abstained: int
    saved_share: float | None


class AccountOutcomeShape(Shape):
    """One account over all weeks; null is what its marks cannot tell. Fractions, US dollars."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    account: str
    equity_usd: float | None
    profit_usd: float | None
    time_weighted_return: float | None = Field(alias="return")
    sharpe: float | None
    max_drawdown: float | None


class SimulationShape(Shape):
    """A whole simulation; `chain_head` is the hash of its last event, and so of all of them."""

    name: str
    weeks: int
    first_week: date
    last_week: date
    seed: int
    prices: str
    mode: str
    degraded: tuple[str, ...]
    events: int
    trades: dict[str, int]
    orders: int
    checkpoints: LooksShape
    postmortems: int
    seconds: float
    accounts: tuple[AccountOutcomeShape, ...]
    chain_head: str


class KeptSimulationShape(Shape):
    """A simulation that was begun; a sweep, or one that was played elsewhere, is but its files."""

    name: str
    weeks_done: int | None
    weeks: int | None
    is_finished: bool
    files: str | None


class KeptSimulationsShape(Shape):
    """All of them, by name."""

    simulations: tuple[KeptSimulationShape, ...]
