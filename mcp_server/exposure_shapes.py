"""The JSON of what all accounts hold together, before and after the trades that wait."""

from mcp_server.result_shapes import ExposureShape
from mcp_server.shapes import Shape, TradeShape, TradesShape


class WaitingExposureShape(Shape):
    """What the trades that wait would make of all accounts; no numbers where that is not known.

    `after` holds `trades` and the `approved` ones whose orders are not sent yet. `summary` says it
    in one sentence, `notices` what is missing.
    """

    trades: int
    approved: int
    summary: str
    before: ExposureShape | None
    after: ExposureShape | None
    notices: tuple[str, ...]


class TradesWithExposure(TradesShape):
    """A list of trades; `exposure` is null where none of them waits."""

    exposure: WaitingExposureShape | None


class TradeWithExposure(TradeShape):
    """A trade; `exposure` is null where it does not wait."""

    exposure: WaitingExposureShape | None
