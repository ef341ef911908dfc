"""The JSON of the demonstration week."""

from datetime import datetime

from mcp_server.result_shapes import PostmortemShape
from mcp_server.shapes import CheckpointShape, HoldingShape, Shape, WeekShape


class ResultLineShape(Shape):
    """What an account held and made over the week."""

    account: str
    position: HoldingShape | None
    equity_usd: float
    profit_usd: float


class DemoShape(Shape):
    """The demonstration week, from the first pack to its postmortem."""

    week: WeekShape
    prices: str
    seed: int | None
    notices: tuple[str, ...]
    checkpoints: tuple[CheckpointShape, ...]
    accounts: tuple[ResultLineShape, ...]
    postmortem: PostmortemShape
    marked_at: datetime
    elapsed_seconds: float
