"""What came back from one request to a gateway, whatever came back, as one value.

The body is read as plain JSON and every level of it may be missing: gateways answer 200 with an
error in it, with null choices, with HTML, or with half a usage.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from council.untrusted import clean_text

if TYPE_CHECKING:
    import openai

Outcome = Literal["answered", "unreachable", "timed_out", "refused", "garbled"]

REASON_CHARACTERS = 500
_RETRIED_STATUSES = frozenset({408, 409, 424, 425, 429})
_SERVER_ERRORS = 500
_LONGEST_WAIT_SECONDS = 86_400.0
_OPERATOR_STATUSES = frozenset({401, 402, 403, 412})
"""Key, balance, permission, cap: asking again helps only after the operator mended it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One attempt's result; `text` is the answer as it came, None where none came."""

    outcome: Outcome
    reason: str | None = None
    text: str | None = None
    finish_reason: str | None = None
    served_model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: Decimal | None = None
    transient: bool = False
    """Whether the same request may succeed if it is sent again soon."""
    retry_after_seconds: float | None = None


def reply_from_body(body: bytes) -> Reply:
    """Read the body of a response with status 200."""
    try:
        completion = json.loads(body)
    except (ValueError, RecursionError):
        return _garbled("the gateway's answer is not JSON", body)
    if not isinstance(completion, dict):
        return _garbled("the gateway's answer is no JSON object", body)
    if completion.get("error"):
        return _garbled(f"the gateway reported {_error_message(completion)}", body)
    choice = _first(completion.get("choices"))
    message = choice.get("message")
    if not isinstance(message, dict):
        return _garbled("the gateway's answer holds no choice", body)
    return _reply_from_choice(completion, choice, message)


def reply_from_status(error: "openai.APIStatusError") -> Reply:
    """Read a response with an error status; the reason begins with "HTTP" and the status."""
    status = error.status_code
    message = _error_message(error.body) if isinstance(error.body, dict) else str(error.body or "")
    refused = status not in _RETRIED_STATUSES | _OPERATOR_STATUSES and status < _SERVER_ERRORS
    return Reply(
        outcome="refused" if refused else "unreachable",
        reason=_reason(f"HTTP {status}: {message}"),
        transient=status in _RETRIED_STATUSES or status >= _SERVER_ERRORS,
        retry_after_seconds=_retry_after(error.response.headers.get("retry-after")),
    )


def failed_reply(outcome: Outcome, reason: str) -> Reply:
    """Return a reply for a request that nothing came back from; it may be sent again."""
    return Reply(outcome=outcome, reason=_reason(reason), transient=True)


def _reply_from_choice(
    completion: dict[str, Any], choice: dict[str, Any], message: dict[str, Any]
) -> Reply:
    finish, refusal = _text(choice.get("finish_reason")), _text(message.get("refusal"))
    outcome, reason = _judged(finish, refusal)
    usage = completion.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Reply(
        outcome=outcome,
        reason=_reason(reason) if reason else None,
        text=_answer_text(message),
        finish_reason=finish,
        served_model=_text(completion.get("model")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cost_usd=_cost(usage.get("cost")),
        transient=outcome == "garbled",
    )


def _judged(finish: str | None, refusal: str | None) -> tuple[Outcome, str | None]:
    if refusal:
        return "refused", f"the model declined: {refusal}"
    if finish == "content_filter":
        return "refused", "a content filter stopped the answer"
    if finish == "error":
        return "garbled", "the provider broke off the answer"
    return "answered", None


def _answer_text(message: dict[str, Any]) -> str:
    """Return the content or, where there is none, the arguments of the one tool call."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if isinstance(content, str) and content.strip():
        return content
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or len(calls) != 1 or not isinstance(calls[0], dict):
        return ""
    function = calls[0].get("function")
    return (_text(function.get("arguments")) or "") if isinstance(function, dict) else ""


def _garbled(reason: str, body: bytes) -> Reply:
    text = body.decode("utf-8", errors="replace")
    return Reply(outcome="garbled", reason=_reason(reason), text=text, transient=True)


def _error_message(body: dict[str, Any]) -> str:
    error = body.get("error", body)
    message = error.get("message") if isinstance(error, dict) else error
    return str(message) if message else "an error without a message"


def _first(choices: Any) -> dict[str, Any]:
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _reason(text: str) -> str:
    return " ".join(clean_text(text[: 4 * REASON_CHARACTERS]).split())[:REASON_CHARACTERS]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if whole else None


def _cost(value: Any) -> Decimal | None:
    """Return the cost in dollars as the gateway gave it; what is no amount is unknown, never 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    amount = Decimal(str(value))
    return amount if amount.is_finite() and amount >= 0 else None


def _retry_after(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header; the form with a date is not used by gateways."""
    try:
        seconds = float(header) if header else None
    except ValueError:
        return None
    if seconds is None or not 0 <= seconds < float("inf"):
        return None
    return min(seconds, _LONGEST_WAIT_SECONDS)  # a wait that no deadline has room for is as good
