"""Turns whatever alpaca-py, requests or an answer's content can raise into one `Failed`."""

import json
from collections.abc import Mapping
from typing import Any

from broker.errors import BadCredentials, VenueRefused, VenueUnreachable
from config.errors import CouncilError

TOO_MANY = 429
_LONGEST_MESSAGE = 200


class Failed(Exception):
    """A request without a usable answer; stays inside this package.

    `status` is the HTTP status, `code` the venue's own number, `retry_after` and
    `rate_limit_reset` the texts of those headers; None where there was none.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: int | None = None,
        retry_after: str | None = None,
        rate_limit_reset: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.rate_limit_reset = rate_limit_reset

    @property
    def is_refusal(self) -> bool:
        """Whether the venue understood and said no: 4xx with a code, but not 401 and not 429."""
        refused = self.status is not None and 400 <= self.status < 500  # noqa: PLR2004 - HTTP's 4xx
        return refused and self.status not in {401, TOO_MANY} and self.code is not None

    @property
    def is_bad_key(self) -> bool:
        """Whether the venue does not accept the key: 401, or 403 without a code."""
        return self.status == 401 or (self.status == 403 and self.code is None)  # noqa: PLR2004


def edge_errors() -> tuple[type[Exception], ...]:
    """Return every family that a call of the SDK can raise; needs the SDK loaded already.

    Connection errors of requests are OSErrors; content that makes no sense is one of the builtins.
    """
    from alpaca.common.exceptions import APIError, RetryException  # noqa: PLC0415 - heavy
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with the SDK

    content = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RuntimeError)
    return (APIError, RetryException, HTTPError, OSError, *content)


def failed_from(error: Exception) -> Failed:
    """Return the failure that `error`, one of `edge_errors()`, stands for."""
    from alpaca.common.exceptions import APIError  # noqa: PLC0415 - heavy

    if isinstance(error, APIError):
        return _from_answer(error.status_code, str(error), _headers_of(error))
    if isinstance(error, OSError):
        return Failed(f"no answer ({type(error).__name__})", status=_status_of(error))
    return Failed(f"an answer that makes no sense ({type(error).__name__})")


def translated(failure: Failed, who: str) -> CouncilError:
    """Return the public error for `failure`; `who` names the venue and the account."""
    if failure.is_bad_key:
        return BadCredentials(
            f"{who} does not accept the key (HTTP {failure.status}, {failure.message}): "
            "check the key id and the secret."
        )
    if failure.is_refusal:
        return VenueRefused(f"{who} refused: {failure.message} (code {failure.code}).")
    return VenueUnreachable(f"{who} cannot be reached ({failure.message}): try again later.")


def _from_answer(status: int | None, body: str, headers: Mapping[str, str]) -> Failed:
    # The SDK's own .code and .message raise on 401 and on HTML.
    content = _json_object(body)
    code, message = content.get("code"), content.get("message")
    number = code if isinstance(code, int) and not isinstance(code, bool) else None
    text = message if isinstance(message, str) and message else f"HTTP status {status}"
    return Failed(
        text[:_LONGEST_MESSAGE],
        status=status,
        code=number,
        retry_after=headers.get("Retry-After"),
        rate_limit_reset=headers.get("X-RateLimit-Reset"),
    )


def _json_object(body: str) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _headers_of(error: Exception) -> Mapping[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return headers if isinstance(headers, Mapping) else {}


def _status_of(error: OSError) -> int | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None
