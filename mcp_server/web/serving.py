"""`council serve` put together: the port, who may come in, the app, the server, and their end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from mcp.server.auth.provider import TokenVerifier

from config.clock import Clock, SystemClock
from config.errors import ConfigError, RefusedError
from config.settings import Settings
from mcp_server import operations
from mcp_server.duties import check_serves_pages, serves_tools
from mcp_server.host import Host, Pace
from mcp_server.sealing import state_keys
from mcp_server.server import EVERYTHING, Serving, server_of
from mcp_server.watchdog import Turns
from mcp_server.web.addresses import Addresses, checked_name, host_in, is_loopback
from mcp_server.web.app import MCP_PATH, Access, running_sessions, web_app
from mcp_server.web.door import Door
from mcp_server.web.running import Calls, listener_on, running_web
from mcp_server.web.sessions import Sessions
from mcp_server.web.token_file import TokenFile
from mcp_server.web.verifiers import FileVerifier, FirstOf, JwtVerifier
from mcp_server.wiring import App, Terms, assembled

LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8931
_OPENING: Final = timedelta(minutes=1)
"""For the app: nobody waits for it yet but the operator."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator wants served, where, and to whom."""

    bind: str = LOOPBACK
    port: int = DEFAULT_PORT
    further_names: tuple[str, ...] = ()
    require_token: bool = False
    stateless: bool = False
    serving: Serving = EVERYTHING


@dataclass(frozen=True, slots=True)
class Served:
    """What is served now; `ended` is done when the web server ends.

    `resource` is None where the login serves no tools; `turns` are its executor's.
    """

    app: App
    origin: str
    resource: str | None
    demands_token: bool
    ended: "asyncio.Task[None]"
    turns: Turns


@asynccontextmanager
async def served(
    settings: Settings, asked: Asked, *, clock: Clock | None = None
) -> AsyncIterator[Served]:
    """Serve while the context is open; at the end calls in flight may finish first.

    Raises:
        UsageError: the port cannot be had.
        RefusedError: others could reach it, and nobody would have to show a token; or the login
            has no use here.
        CouncilError: of the part of the app that cannot be opened.
    """
    with listener_on(asked.bind, asked.port) as listener:
        port = listener.getsockname()[1]
        settings = at_its_own_address(settings, Addresses(asked.bind, port).origin)
        access = access_of(settings, asked, port, clock=clock or SystemClock())
        turns = Turns()
        host = Host(
            lambda: assembled(settings, Terms(pooled=True)),
            lambda app, stop: operations.work_in_background(app, stop, turns.made),
            pace=Pace(opening=_OPENING),
            reads_only=asked.serving.read_only,
        )
        app, calls = await _opened(host), Calls()
        server = server_of(lambda: host, asked.serving, keys=lambda: state_keys(settings))
        application = web_app(server, host, access, calls=calls, stateless=asked.stateless)
        async with running_sessions(server), running_web(application, listener, calls) as ended:
            yield Served(
                app=app,
                origin=access.addresses.origin,
                resource=access.resource if serves_tools(app.role) else None,
                demands_token=access.door.demands_token({"type": "http", "headers": []}),
                ended=ended,
                turns=turns,
            )


def is_nameless(asked: Asked, settings: Settings) -> bool:
    """Whether other machines could reach it, yet by no name that would be answered."""
    names = (*asked.further_names, host_in(settings.council_web_url))
    return Addresses(asked.bind, asked.port, names).is_nameless


def at_its_own_address(settings: Settings, origin: str) -> Settings:
    """Return the settings with the address at which we serve, unless the operator named another."""
    if settings.council_web_url != Settings.model_fields["council_web_url"].default:
        return settings
    return settings.model_copy(update={"council_web_url": origin})


def access_of(settings: Settings, asked: Asked, port: int, *, clock: Clock) -> Access:
    """Return who may come in, by the settings, the token file and what the operator asked.

    Raises:
        ConfigError: the token file, or a setting about tokens, cannot be used.
        UsageError: a further name is none.
        RefusedError: others could reach the server, and nobody would have to show a token.
    """
    resource = f"{settings.council_web_url}{MCP_PATH}"
    names = map(checked_name, (*asked.further_names, host_in(settings.council_web_url)))
    addresses = Addresses(asked.bind, port, tuple(names))
    own = FileVerifier(TokenFile.in_home(settings.council_home), clock, resource=resource)
    own.load()
    signed = signed_tokens(settings, resource)
    if not addresses.is_local and signed is None and not own.has_tokens:
        raise RefusedError(
            "Not served: others than this machine could reach it, and no token would be asked for; "
            "make one with `council token create NAME --scope read` first, or serve on 127.0.0.1."
        )
    verifiers: tuple[TokenVerifier, ...] = (own,) if signed is None else (own, signed)
    always = asked.require_token or signed is not None
    sessions = Sessions(
        settings.council_home,
        lambda: state_keys(settings),
        clock,
        web_url=settings.council_web_url,
    )
    return Access(
        addresses=addresses,
        sessions=sessions,
        door=Door(lambda: own.has_tokens, is_local=addresses.is_local, always=always),
        verifier=FirstOf(verifiers),
        resource=resource,
        issuer=settings.council_token_issuer if signed else None,
    )


def signed_tokens(settings: Settings, resource: str) -> JwtVerifier | None:
    """Return what checks the tokens of the operator's own issuer; None where none is named.

    Raises:
        ConfigError: only one of issuer and keys is named, or the keys would come unprotected.
    """
    issuer, keys_url = settings.council_token_issuer, settings.council_token_keys_url
    if issuer is None and keys_url is None:
        return None
    if issuer is None or keys_url is None:
        missing = "COUNCIL_TOKEN_ISSUER" if issuer is None else "COUNCIL_TOKEN_KEYS_URL"
        raise ConfigError(f"{missing} is missing: an issuer and its keys belong together.")
    if urlsplit(keys_url).scheme != "https" and not is_loopback(host_in(keys_url)):
        raise ConfigError("COUNCIL_TOKEN_KEYS_URL must begin with https://.")
    audience = settings.council_token_audience or resource
    return JwtVerifier.by_address(issuer, audience, keys_url, resource=resource)


async def _opened(host: Host) -> App:
    """Open the app before anybody is served, so that what is wrong is said in the terminal."""
    try:
        app = await host.app()
        check_serves_pages(app.role)
        return app
    except BaseException:
        await host.aclose()
        raise
