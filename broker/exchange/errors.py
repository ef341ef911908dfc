"""What can go wrong at the simulated exchange, sorted by who must react.

CouncilError
├── UsageError
│   ├── PortUnusable       the caller: the port is taken or is no port
│   └── FaultPlanUnreadable  the caller: a plan of faults that cannot be read
├── ConfigError
│   └── BarsFileUnusable   the operator: a file of bars that cannot be traded on
└── RefusedError
    └── RequestRefused     the client of the exchange: becomes an HTTP answer, never leaves the app
"""

from collections.abc import Mapping

from config.errors import ConfigError, RefusedError, UsageError


class PortUnusable(UsageError):
    """The port that was asked for cannot be listened on."""


class FaultPlanUnreadable(UsageError):
    """A plan of faults names something unknown or gives a value out of its range."""


class BarsFileUnusable(ConfigError):
    """A file of bars is missing, unreadable or holds rows that no market can have printed."""


class RequestRefused(RefusedError):
    """An HTTP answer with Alpaca's error body.

    Attributes:
        status: The HTTP status.
        code: Alpaca's numeric code, None where Alpaca sends none (401).
        extras: Further fields of the body, such as `buying_power`.
    """

    def __init__(
        self,
        status: int,
        code: int | None,
        message: str,
        *,
        extras: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.extras = dict(extras or {})
