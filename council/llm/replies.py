"""What came back from one request to a gateway, whatever came back, as one value.

The body is read as plain JSON and every level of it may be missing: gateways answer 200 with an
error in it, with null choices, with HTML, or with half a usage.
"""

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from council.llm.numbers import amount_of, whole_of
from council.untrusted import clean_text

if TYPE_CHECKING:
    import openai

Outcome = Literal["answered", "unreachable", "timed_out", "refused", "garbled"]

BROKEN_OFF = "the gateway broke off the connection"
"""So begins the reason of a request that arrived and may be billed, though no answer came."""
ONCE_BEGUN = "once the answer had begun"
"""So begins what an error of the server says inside a success: what was written may be billed."""
REASON_CHARACTERS = 500
_RETRIED_STATUSES = frozenset({408, 409, 424, 425, 429})
_SERVER_ERRORS = 500
_ERROR_STATUSES = range(400, 600)
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
    kept: bool = False
    """Whether it is an answer of an earlier time that was kept: nobody was asked."""


def reply_from_body(body: bytes) -> Reply:
    """Read the body of a response with status 200."""
    try:
        completion = json.loads(body)
    except (ValueError, RecursionError):
        return _garbled("the gateway's answer is not JSON", body)
    if not isinstance(completion, dict):
        return _garbled("the gateway's answer is no JSON object", body)
    if completion.get("error"):
        return _reply_from_error(completion, body)
    choice = _first(completion.get("choices"))
    message = choice.get("message")
    if not isinstance(message, dict):
        return _paid(_garbled("the gateway's answer holds no choice", body), completion)
    return _reply_from_choice(completion, choice, message)


def reply_from_status(error: "openai.APIStatusError") -> Reply:
    """Read a response with an error status; the reason begins with "HTTP" and the status."""
    message = _error_message(error.body) if isinstance(error.body, dict) else str(error.body or "")
    wait = _retry_after(error.response.headers.get("retry-after"))
    return replace(_failed_with(error.status_code, message), retry_after_seconds=wait)


def failed_reply(outcome: Outcome, reason: str) -> Reply:
    """Return a reply for a request that nothing came back from; it may be sent again."""
    return Reply(outcome=outcome, reason=_reason(reason), transient=True)


def _reply_from_choice(
    completion: dict[str, Any], choice: dict[str, Any], message: dict[str, Any]
) -> Reply:
    finish, refusal = _text(choice.get("finish_reason")), _text(message.get("refusal"))
    outcome, reason = _judged(finish, refusal)
    reply = Reply(
        outcome=outcome,
        reason=_reason(reason) if reason else None,
        text=_answer_text(message),
        finish_reason=finish,
        transient=outcome == "garbled",
    )
    return _paid(reply, completion)


def _paid(reply: Reply, completion: dict[str, Any]) -> Reply:
    """Add who served it and what it took: a broken answer is billed like a whole one."""
    usage = completion.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return replace(
        reply,
        served_model=_text(completion.get("model")),
        prompt_tokens=whole_of(usage.get("prompt_tokens")),
        completion_tokens=whole_of(usage.get("completion_tokens")),
        cost_usd=_cost(usage.get("cost")),
    )


def _reply_from_error(completion: dict[str, Any], body: bytes) -> Reply:
    """Read an error inside a success; where it names a status, it counts as that status."""
    message, error = _error_message(completion), completion["error"]
    status = error.get("code") if isinstance(error, dict) else None
    if isinstance(status, int) and status in _ERROR_STATUSES:
        began = status >= _SERVER_ERRORS
        failed = _failed_with(status, f"{ONCE_BEGUN}: {message}" if began else message)
    else:
        failed = _garbled(f"the gateway reported {message}", body)
    return _paid(failed, completion)


def _failed_with(status: int, message: str) -> Reply:
    refused = status not in _RETRIED_STATUSES | _OPERATOR_STATUSES and status < _SERVER_ERRORS
    return Reply(
        outcome="refused" if refused else "unreachable",
        reason=_reason(f"HTTP {status}: {message}"),
        transient=status in _RETRIED_STATUSES or status >= _SERVER_ERRORS,
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
    """Return the message and, where a router quotes the provider, what the provider said."""
    error = body.get("error", body)
    if not isinstance(error, dict):
        return str(error) if error else "an error without a message"
    metadata = error.get("metadata")
    quoted = metadata.get("raw") if isinstance(metadata, dict) else None
    said = [str(part) for part in (error.get("message"), quoted) if part]
    return " - ".join(said) or "an error without a message"


def _first(choices: Any) -> dict[str, Any]:
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _reason(text: str) -> str:
    return " ".join(clean_text(text[: 4 * REASON_CHARACTERS]).split())[:REASON_CHARACTERS]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _cost(value: Any) -> Decimal | None:
    """Return the cost in dollars: a number, or an object with a total; never 0 for unknown."""
    amount = value.get("total_cost") if isinstance(value, dict) else value
    return None if isinstance(amount, str) else amount_of(amount)


def _retry_after(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header; the form with a date is not used by gateways."""
    try:
        seconds = float(header) if header else None
    except ValueError:
        return None
    if seconds is None or not 0 <= seconds < float("inf"):
        return None
    return min(seconds, _LONGEST_WAIT_SECONDS)  # a wait that no deadline has room for is as good
