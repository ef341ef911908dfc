"""What went wrong, as problem documents (RFC 9457): which status and code each refusal has.

`code` is for programs and never changes; `detail` is our one sentence for people.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from config.errors import (
    ConfigError,
    CouncilError,
    CredentialsError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from council.errors import (
    AccountHalted,
    AlreadyDecided,
    ConfirmationWrong,
    TicketChanged,
    TicketExpired,
    UnknownTrade,
    UnknownWeek,
)
from mcp_server.shapes import Shape
from mcp_server.web.api.headers import NOT_KEPT
from mcp_server.web.site_guard import RequestRefused
from store.errors import PayloadRefused, StorageRefused, VersionConflict

PROBLEM: Final = "application/problem+json"
RETRY_AFTER: Final = {"retry-after": "5"}
"""Seconds; a database that was restarted answers again within ten."""
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

STATUSES: Final[Mapping[type[CouncilError], tuple[int, str]]] = {
    UnknownTrade: (404, "unknown_trade"),
    UnknownWeek: (404, "unknown_week"),
    AlreadyDecided: (409, "already_decided"),
    TicketChanged: (409, "ticket_changed"),
    TicketExpired: (409, "ticket_expired"),
    AccountHalted: (409, "account_halted"),
    ConfirmationWrong: (403, "confirmation_wrong"),
    PayloadRefused: (400, "unusable_text"),
    VersionConflict: (409, "moved_on"),
    StorageRefused: (503, "storage_refused"),
    UsageError: (422, "unusable"),
    RefusedError: (403, "refused"),
    UnreachableError: (503, "unavailable"),
    CredentialsError: (500, "credentials"),
    ConfigError: (500, "misconfigured"),
    CouncilError: (500, "failed"),
}
"""By error; one that is not named is answered as the nearest above it."""

_CODES: Final[Mapping[int, str]] = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_type",
    422: "unusable",
    500: "unexpected",
}
"""Of what was wrong with a request before anything of the council was asked."""


class ProblemShape(Shape):
    """Why a request was not carried out; nothing was changed by it.

    After a 503 nobody knows whether a verdict was recorded: sent again, it is not recorded twice.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str


class ApiRefusal(RequestRefused):
    """The request is answered with `status`, `code`, this sentence and further `headers`."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(status, sentence)
        self.code = code or _CODES[status]
        self.headers = headers


def problem_of(error: CouncilError) -> Response:
    """Return the answer to a request that ended with `error`."""
    status, code = status_of(error)
    headers = error.headers if isinstance(error, ApiRefusal) else _NO_HEADERS
    return problem(status, str(error), code=code, headers=headers)


def status_of(error: CouncilError) -> tuple[int, str]:
    """Return the status and the code for `error`."""
    if isinstance(error, ApiRefusal):
        return error.status, error.code
    if isinstance(error, RequestRefused):
        return error.status, _CODES.get(error.status, "refused")
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem(
    status: int, sentence: str, *, code: str, headers: Mapping[str, str] = _NO_HEADERS
) -> Response:
    """Return a problem document with that status; 503 says when to come again."""
    shape = ProblemShape(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=sentence,
        code=code,
    )
    later = RETRY_AFTER if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(
        shape.model_dump_json(),
        status_code=status,
        media_type=PROBLEM,
        headers={**NOT_KEPT, **later, **headers},
    )
