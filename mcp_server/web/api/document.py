"""The OpenAPI document of the API, made from the table of operations and the shapes."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from mcp_server.exposure_shapes import TradeWithExposure
from mcp_server.web.api.calls import Call
from mcp_server.web.api.problems import PROBLEM, ProblemShape
from mcp_server.web.api.shapes import (
    AnyObject,
    TradeId,
    TradesPageShape,
    Week,
    WeeksPageShape,
)
from mcp_server.web.api.table import TABLE, Operation
from mcp_server.web.sessions import PLAIN_NAME

PATH: Final = "/api/openapi.json"
_REFERENCE: Final = "#/components/schemas/{model}"
_JSON: Final = "application/json"
_PATH_PARTS: Final = {"trade_id": TradeId, "week_id": Week}
_DESCRIPTION: Final = (
    "Readings and verdicts of the LLM trading council, all of them on paper accounts. What a "
    "program passes on over a token is recorded as passed on, and needs the ticket's phrase."
)
_SECURITY: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "`council token create`"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": PLAIN_NAME,
        "description": "The session of the page, for what is sent from it.",
    },
    "form": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "The token of the session's own pages.",
    },
}
_READERS: Final[list[dict[str, list[str]]]] = [{}, {"token": []}, {"session": []}]
"""A program on this machine may read without showing anything."""
_DECIDERS: Final[list[dict[str, list[str]]]] = [{"token": []}, {"session": [], "form": []}]
_FIRST_TRADE: Final = {"trade_id": "$response.body#/trades/0/trade_id"}
_THIS_TRADE: Final = {"trade_id": "$response.body#/trade_id"}
_LINKS: Final[dict[type[BaseModel], dict[str, Any]]] = {
    TradesPageShape: {"trade": {"operationId": "getTrade", "parameters": _FIRST_TRADE}},
    TradeWithExposure: {
        "approve": {"operationId": "approveTrade", "parameters": _THIS_TRADE},
        "reject": {"operationId": "rejectTrade", "parameters": _THIS_TRADE},
    },
    WeeksPageShape: {
        "week": {
            "operationId": "getWeek",
            "parameters": {"week_id": "$response.body#/weeks/0/week_id"},
        }
    },
}
"""Where an answer leads on to; what a person types is nowhere filled in for him."""
_READ_REFUSALS: Final = (400, 401, 403, 404, 405, 406, 422, 500, 503)
_POST_REFUSALS: Final = (400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 500, 503)


@cache
def document() -> dict[str, Any]:
    """Return the document as JSON values."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LLM trading council",
            "version": version("llm-trading-council"),
            "description": _DESCRIPTION,
        },
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _SECURITY},
    }


def _described(operation: Operation) -> dict[str, Any]:
    refusals = _READ_REFUSALS if operation.method == "GET" else _POST_REFUSALS
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation.query)],
        "responses": {
            "200": _done(operation),
            **({"304": {"description": "Nothing has changed."}} if operation.body is None else {}),
            **{str(status): _refusal() for status in refusals},
        },
        "security": _READERS if operation.method == "GET" else _DECIDERS,
    }
    if operation.body is not None:
        content = {_JSON: {"schema": _reference(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _done(operation: Operation) -> dict[str, Any]:
    content = {_JSON: {"schema": _reference(operation.answer)}}
    done: dict[str, Any] = {"description": "Done.", "content": content}
    if operation.body is None:
        tag = {"description": "Of these very bytes.", "required": True}
        done["headers"] = {"ETag": {**tag, "schema": {"type": "string"}}}
    if operation.answer in _LINKS:
        done["links"] = _LINKS[operation.answer]
    return done


def _refusal() -> dict[str, Any]:
    content = {PROBLEM: {"schema": _reference(ProblemShape)}}
    return {"description": "Not done; `detail` says why.", "content": content}


def _path_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for name, part in _PATH_PARTS.items():
        if f"{{{name}}}" in operation.path:
            schema = TypeAdapter(part).json_schema()
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(shape: type[BaseModel]) -> Iterator[dict[str, Any]]:
    for name, schema in shape.model_json_schema().get("properties", {}).items():
        yield {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which is left out where a field would be null."""
    choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    dropped = {"anyOf", "default"} if choices else set()
    merged = {**(choices[0] if choices else {}), **schema}
    return {key: value for key, value in merged.items() if key not in {*dropped, "title"}}


def _reference(shape: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(model=shape.__name__)}


def _schemas() -> dict[str, Any]:
    answers = [(operation.answer, "serialization") for operation in OPERATIONS]
    bodies = [(operation.body, "validation") for operation in OPERATIONS if operation.body]
    every: Any = dict.fromkeys([*answers, *bodies, (ProblemShape, "serialization")])
    _, found = models_json_schema(list(every), ref_template=_REFERENCE)
    return dict(found["$defs"])


async def _itself(_: Call) -> BaseModel:
    return AnyObject(document())


OPERATIONS: Final = (
    *TABLE,
    Operation("GET", PATH, "getDocument", "This document.", _itself, AnyObject),
)
"""All operations."""
