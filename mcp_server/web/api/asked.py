"""What a request asks for, checked: its path, its query, its body, each against a closed shape.

Whatever does not fit is refused in one sentence before anything is looked up. What is no JSON, or
no text that can be stored, is malformed (400); JSON that means nothing here cannot be used (422).
"""

import json
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from mcp_server.shapes import Shape
from mcp_server.web.api.problems import ApiRefusal
from mcp_server.web.api.shapes import TradeId, Week
from store.payloads import to_json

_SHOWN_CHARACTERS: Final = 80
_PATHS: Final = {"trade_id": TypeAdapter(TradeId), "week_id": TypeAdapter(Week)}

Given = TypeVar("Given", bound=Shape)


def path_of(request: Request) -> dict[str, str]:
    """Return the parts of the path that name something.

    Raises:
        ApiRefusal: nothing can have such a name.
    """
    for name, value in request.path_params.items():
        try:
            _PATHS[name].validate_python(value)
        except ValidationError as error:
            what = name.removesuffix("_id")
            raise ApiRefusal(
                404, f"No {what} is {_shown(value)}.", code=f"unknown_{what}"
            ) from error
    return dict(request.path_params)


def query_of(request: Request, shape: type[Given]) -> Given:
    """Return the query as `shape`.

    Raises:
        ApiRefusal: a parameter is unknown, given twice, or has no such value.
    """
    pairs = request.query_params.multi_items()
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ApiRefusal(400, f"{_shown(name)} is given more than once: give it once.")
    try:
        return shape.model_validate(dict(pairs))
    except ValidationError as error:
        raise ApiRefusal(400, _sentence(error, shape, "parameter")) from error


async def body_of(request: Request, shape: type[Given]) -> Given:
    """Return the JSON body as `shape`.

    Raises:
        ApiRefusal: it is no JSON, holds what cannot be stored, or is not of that shape.
        PayloadRefused: it holds NUL, a lone surrogate, or too deep nesting.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiRefusal(415, "Send the JSON as it is, without a content-encoding.")
    content = _parsed(await request.body())
    to_json(content)
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        raise ApiRefusal(422, _sentence(error, shape, "field")) from error


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    # Odd bytes, no JSON, a number of thousands of digits; or nesting without end.
    except (ValueError, RecursionError) as error:
        raise ApiRefusal(400, "The body is no JSON that can be read: send one object.") from error


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("A name stands twice in one object.")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON.")


def _sentence(error: ValidationError, shape: type[BaseModel], what: str) -> str:
    """Say what is wrong first, and by which names a request may go."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    named = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(shape.model_fields) or "none"
        return f"There is no {what} {_shown(named)}: known are {known}."
    if not named:
        return "The body must be one JSON object."
    return f"The {what} {_shown(named)} cannot be used: {_plain(first['msg'])}."


def _plain(message: str) -> str:
    text = message.rstrip(".")
    return text[:1].lower() + text[1:]


def _shown(text: str) -> str:
    """Return what was sent as plain ASCII and cut, so that an answer shows nothing odd."""
    return ascii(text[:_SHOWN_CHARACTERS])
