"""The web application: `/mcp` behind its door, health, and the pages, under exact addresses."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from config.errors import CouncilError
from mcp_server.duties import serves_tools
from mcp_server.host import Host
from mcp_server.offers import OFFERS
from mcp_server.repeating import Repeated
from mcp_server.scopes import SCOPES, full_name
from mcp_server.web import assets
from mcp_server.web.addresses import Addresses, ExactAddresses, host_in
from mcp_server.web.api.admitting import Admission
from mcp_server.web.api.routes import api_routes
from mcp_server.web.deciding import deciding_routes
from mcp_server.web.door import Door, Guarded
from mcp_server.web.endpoint import Endpoint
from mcp_server.web.halting import halt_routes, resume_routes
from mcp_server.web.health import Health
from mcp_server.web.live import Positioned, live_routes
from mcp_server.web.metrics import Metrics
from mcp_server.web.pages import shown_problem, trade_routes
from mcp_server.web.records import records_routes
from mcp_server.web.refusals import shown_fault, shown_miss, shown_refusal
from mcp_server.web.results import results_routes
from mcp_server.web.running import Calls
from mcp_server.web.scope_guard import ScopeGuard
from mcp_server.web.sessions import Sessions, Visiting
from mcp_server.web.sign_in import SIGN_IN, SIGN_OUT, SignIn, ToSignIn
from mcp_server.web.site_guard import Needs, RequestRefused, SiteGuard, Terms
from mcp_server.web.tracing import Traced
from mcp_server.web.visitors import visitor_of
from mcp_server.web.weeks import weeks_routes

MCP_PATH: Final = "/mcp"
MOST_BODY_BYTES: Final = 1024 * 1024
"""Of one message to `/mcp`; a call with all its sealed state takes a few thousand."""

_READING: Final = frozenset(own.name for own in OFFERS if own.scope == "read")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in: by which addresses, with whose tokens, and when with none.

    `resource` is the address of `/mcp` as tokens and clients name it; `issuer` signs tokens, or is
    None where all are ours.
    """

    addresses: Addresses
    door: Door
    verifier: TokenVerifier
    sessions: Sessions
    resource: str
    issuer: str | None = None

    @property
    def origins(self) -> frozenset[str]:
        """Return the origins of our own pages; where they come by https, they come by no other."""
        url = urlsplit(self.resource)
        in_the_clear = {f"http://{host_in(self.resource)}"} if url.scheme == "https" else set()
        return self.addresses.origins - in_the_clear

    def admits_reader(self, scope: Scope) -> bool:
        """Return whether a page may be shown without a token: to this machine, or in a session."""
        return self.door.is_open_to_reader(scope) or visitor_of(Request(scope)).has_signed_in

    @property
    def metadata_url(self) -> str:
        """Return where clients read what kind of token is wanted (RFC 9728)."""
        return str(build_resource_metadata_url(AnyHttpUrl(self.resource)))


def web_app(
    server: MCPServer[Host], host: Host, access: Access, *, calls: Calls, stateless: bool
) -> Starlette:
    """Return the application, with `server` under guard; serve it amid `running_sessions(server)`.

    `stateless` keeps nothing between the requests of older clients, which then cannot be asked
    anything in a form. With a login that only decides there is no `/mcp`.
    """
    guard = ScopeGuard({own.name: own.scope for own in OFFERS})
    server.middleware.extend((calls, guard, Repeated(_READING)))
    health, door = Health(host), access.door
    with_token = _guarded(lambda scope: not door.demands_token(scope), access)
    visited = _for_visitors(host, access)
    # It is made in any case: with its sessions the server's own life begins and ends.
    tools = Route(MCP_PATH, _endpoint(server, stateless=stateless), middleware=with_token)
    return Starlette(
        routes=[
            *((tools,) if serves_tools(host.role) else ()),
            Route(_metadata_path(access), _metadata(access)),
            Route("/health", health.health),
            Route("/ready", health.ready),
            Route(
                "/metrics",
                Metrics(host).metrics,
                middleware=_guarded(door.is_open_to_reader, access),
            ),
            Route(assets.PATH, assets.asset),
            *_sign_in(access),
            *_under(_pages(host), (*visited, Middleware(Positioned, host=host))),
            *_under(live_routes(host), visited),
            *_under(halt_routes(host), _for_visitors(host, access, needs="nothing")),
            *api_routes(host, Admission(access.admits_reader, access.origins)),
        ],
        middleware=_middleware(access),
        exception_handlers={
            RequestRefused: shown_refusal,
            CouncilError: shown_problem,
            HTTPException: shown_miss,
            Exception: shown_fault,
        },
    )


def _pages(host: Host) -> Sequence[Route]:
    """Return the pages for whoever may read; what they take, they take in a session alone."""
    return (
        *trade_routes(host),
        *deciding_routes(host),
        *resume_routes(host),
        *weeks_routes(host),
        *results_routes(host),
        *records_routes(host),
    )


def _sign_in(access: Access) -> Sequence[Route]:
    """Return the routes that are open to everybody who names us rightly."""
    own, origins = SignIn(access.sessions), access.origins
    by_anybody = _site(Terms(origins, needs="nothing"))
    in_session = _site(Terms(origins))
    return (
        Route(SIGN_IN, own.form),
        Route(SIGN_IN, own.sign_in, methods=["POST"], middleware=by_anybody),
        Route(SIGN_OUT, own.sign_out, methods=["POST"], middleware=in_session),
    )


def _site(terms: Terms) -> Sequence[Middleware]:
    return (Middleware(SiteGuard, terms=terms),)


def _for_visitors(host: Host, access: Access, *, needs: Needs = "session") -> Sequence[Middleware]:
    """Return what stands before every page: what it may be sent, and who may see it."""
    return (
        *_site(Terms(access.origins, needs=needs, reads_only=host.reads_only)),
        Middleware(ToSignIn, admits=access.admits_reader),
        *_guarded(access.admits_reader, access),
    )


def _under(routes: Sequence[Route], guards: Sequence[Middleware]) -> Sequence[Route]:
    """Return the same routes, each behind the guards."""
    return [
        Route(route.path, route.endpoint, methods=route.methods, middleware=guards)
        for route in routes
    ]


def _middleware(access: Access) -> Sequence[Middleware]:
    backend = BearerAuthBackend(access.verifier, resource_server_url=AnyHttpUrl(access.resource))
    return (
        Middleware(Traced),
        Middleware(ExactAddresses, addresses=access.addresses),
        Middleware(AuthenticationMiddleware, backend=backend),
        Middleware(AuthContextMiddleware),
        Middleware(Visiting, sessions=access.sessions),
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
    return Endpoint(server.session_manager, _READING)


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
