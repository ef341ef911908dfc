"""The web application: `/mcp` behind its door, health, and the pages, under exact addresses."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from config.errors import CouncilError
from mcp_server.host import Host
from mcp_server.offers import OFFERS
from mcp_server.scopes import SCOPES, full_name
from mcp_server.web import assets
from mcp_server.web.addresses import Addresses, ExactAddresses
from mcp_server.web.door import Door, Guarded
from mcp_server.web.health import Health
from mcp_server.web.pages import Pages, shown_problem
from mcp_server.web.running import Calls
from mcp_server.web.scope_guard import ScopeGuard

MCP_PATH: Final = "/mcp"
MOST_BODY_BYTES: Final = 1024 * 1024
"""Of one message to `/mcp`; a call with all its sealed state takes a few thousand."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in: by which addresses, with whose tokens, and when with none.

    `resource` is the address of `/mcp` as tokens and clients name it; `issuer` signs tokens, or is
    None where all are ours.
    """

    addresses: Addresses
    door: Door
    verifier: TokenVerifier
    resource: str
    issuer: str | None = None

    @property
    def metadata_url(self) -> str:
        """Return where clients read what kind of token is wanted (RFC 9728)."""
        return str(build_resource_metadata_url(AnyHttpUrl(self.resource)))


def web_app(
    server: MCPServer[Host], host: Host, access: Access, *, calls: Calls, stateless: bool
) -> Starlette:
    """Return the application, with `server` under guard; serve it amid `running_sessions(server)`.

    `stateless` keeps nothing between the requests of older clients, which then cannot be asked
    anything in a form.
    """
    server.middleware.extend((calls, ScopeGuard({own.name: own.scope for own in OFFERS})))
    pages, health = Pages(host), Health(host)
    door = access.door
    with_token = _guarded(lambda scope: not door.demands_token(scope), access)
    for_reader = _guarded(door.is_open_to_reader, access)
    return Starlette(
        routes=[
            Route(MCP_PATH, _endpoint(server, stateless=stateless), middleware=with_token),
            Route(_metadata_path(access), _metadata(access)),
            Route("/health", health.health),
            Route("/ready", health.ready),
            Route(assets.PATH, assets.asset),
            Route("/", pages.home, middleware=for_reader),
            Route("/approvals", pages.approvals, middleware=for_reader),
            Route("/approvals/{trade_id}", pages.approval, middleware=for_reader),
        ],
        middleware=_middleware(access),
        exception_handlers={CouncilError: shown_problem},
    )


def _middleware(access: Access) -> Sequence[Middleware]:
    backend = BearerAuthBackend(access.verifier, resource_server_url=AnyHttpUrl(access.resource))
    return (
        Middleware(ExactAddresses, addresses=access.addresses),
        Middleware(AuthenticationMiddleware, backend=backend),
        Middleware(AuthContextMiddleware),
    )


def _guarded(admits: Callable[[Scope], bool], access: Access) -> Sequence[Middleware]:
    return (Middleware(Guarded, admits=admits, metadata_url=access.metadata_url),)


def _endpoint(server: MCPServer[Host], *, stateless: bool) -> ASGIApp:
    server.streamable_http_app(
        stateless_http=stateless,
        max_request_body_size=MOST_BODY_BYTES,
        # ExactAddresses has looked at host and origin already, for every route.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    # Of that application we take the sessions; around them stand our own routes and guards.
    return StreamableHTTPASGIApp(server.session_manager)


@asynccontextmanager
async def running_sessions(server: MCPServer[Host]) -> AsyncIterator[None]:
    """Let the MCP endpoint work; at the end its sessions end, and the server's host is closed."""
    async with server.session_manager.run():
        yield


def _metadata_path(access: Access) -> str:
    return AnyHttpUrl(access.metadata_url).path or "/"


def _metadata(access: Access) -> Any:
    """Tell clients of what kind a token must be; without an issuer the operator hands them out."""
    document: dict[str, Any] = {
        "resource": access.resource,
        "resource_name": "LLM trading council (paper)",
        "scopes_supported": [full_name(scope) for scope in SCOPES],
        "bearer_methods_supported": ["header"],
    }
    if access.issuer is not None:
        document["authorization_servers"] = [access.issuer]

    async def metadata(_: Request) -> Response:
        return JSONResponse(document)

    return metadata
