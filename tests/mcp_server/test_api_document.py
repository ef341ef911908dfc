"""The OpenAPI document and the routes: the one tells of all that the others do, and of no more."""

import json
from pathlib import Path
from typing import Any, get_args

from starlette.applications import Starlette
from starlette.routing import Route

from mcp_server.readings import TRADE_STATUSES
from mcp_server.web.api.document import document
from mcp_server.web.api.problems import STATUSES
from mcp_server.web.api.shapes import Status
from tests.mcp_server.web import running


async def test_the_document_tells_of_every_route_and_of_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path) as transport:
        assert isinstance(transport.app, Starlette)
        routed = {
            (method, route.path)
            for route in transport.app.routes
            if isinstance(route, Route) and route.path.startswith("/api")
            for method in (route.methods or set()) - {"HEAD"}
        }

    told = {
        (method.upper(), path)
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert told == routed
    assert len(told) == 12


def test_every_reference_leads_somewhere_and_every_shape_is_used() -> None:
    schemas: dict[str, Any] = document()["components"]["schemas"]
    text = json.dumps(document())

    for name in schemas:
        assert f'"#/components/schemas/{name}"' in text
    assert text.count('"$ref"') == sum(
        text.count(f'"#/components/schemas/{name}"') for name in schemas
    )


def test_names_are_given_once_and_every_refusal_is_told() -> None:
    operations = [its for methods in document()["paths"].values() for its in methods.values()]
    names = [operation["operationId"] for operation in operations]
    linked = [
        link["operationId"]
        for operation in operations
        for link in operation["responses"]["200"].get("links", {}).values()
    ]

    assert len(set(names)) == len(names)
    assert set(linked) <= set(names)
    for operation in operations:
        told = {int(status) for status in operation["responses"]}
        wanted = (
            {status for status, _ in STATUSES.values()} if "requestBody" in operation else {503}
        )
        assert wanted <= told


def test_bodies_and_answers_are_closed() -> None:
    schemas: dict[str, Any] = document()["components"]["schemas"]
    objects = {name: its for name, its in schemas.items() if "properties" in its}

    assert [name for name, its in objects.items() if its["additionalProperties"] is not False] == []


def test_a_trade_can_be_asked_for_by_each_of_its_statuses() -> None:
    assert get_args(Status) == TRADE_STATUSES
