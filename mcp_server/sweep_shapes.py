"""What came of a sweep, as programs are given it."""

from datetime import date

from mcp_server.shapes import Shape
from mcp_server.simulation_shapes import AccountOutcomeShape


class SweepRunShape(Shape):
    """One simulation of a sweep; without a result `failure` says why."""

    simulation: str
    configuration: str
    seed: int
    chain_head: str | None
    seconds: float | None
    accounts: tuple[AccountOutcomeShape, ...]
    failure: str | None


class SpreadShape(Shape):
    """An account over the simulations of one configuration, in US dollars of profit.

    `deviation_usd` is the sample standard deviation, null for fewer than two simulations.
    """

    configuration: str
    account: str
    simulations: int
    won: int
    """Those that ended with a profit above zero."""
    mean_usd: float
    deviation_usd: float | None
    lowest_usd: float
    median_usd: float
    highest_usd: float


class SweepShape(Shape):
    """A whole sweep, its simulations in the order of configurations and seeds."""

    name: str
    weeks: int
    first_week: date
    prices: str
    runs: tuple[SweepRunShape, ...]
    accounts: tuple[SpreadShape, ...]
    failed: int
    seconds: float
    files: str
