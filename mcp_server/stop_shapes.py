"""The JSON about what stands still: halts, drifts, and what became of stopping and resuming."""

from mcp_server.shapes import AccountResultShape, FreezeShape, HaltShape, Shape


class AccountStopsShape(Shape):
    """What stands still in one account."""

    account: str
    halted: HaltShape | None
    frozen: tuple[FreezeShape, ...]


class StopsShape(Shape):
    """What stands still: one entry for each account of accounts.yaml, and the halt file."""

    accounts: tuple[AccountStopsShape, ...]
    halt_file: str | None
    """The reason in the halt file, null where there is none."""


class StoppingShape(Shape):
    """What became of each account that was to be halted or resumed."""

    results: tuple[AccountResultShape, ...]
    notices: tuple[str, ...]


class DriftShape(FreezeShape):
    """A drift that waits for a person."""

    account: str


class DriftsShape(Shape):
    """Every drift that waits for a person."""

    drifts: tuple[DriftShape, ...]
