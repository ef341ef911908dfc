"""The bearer tokens of `council serve`: make one, list them, revoke one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console

from config.clock import SystemClock
from config.errors import UsageError
from mcp_server.commands.options import JsonFlag
from mcp_server.output import Output
from mcp_server.rendering import words
from mcp_server.scopes import SCOPES, Scope
from mcp_server.web.shapes import NewTokenShape, RevokedShape, TokenShape, TokensShape
from mcp_server.web.token_file import StoredToken, TokenFile
from mcp_server.wiring import settled

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Whose token it is.")]
ScopeOption = Annotated[
    str, typer.Option("--scope", metavar="SCOPE", help="read, run or approve: each holds the last.")
]
ExpiresOption = Annotated[
    int | None,
    typer.Option("--expires", metavar="DAYS", min=1, max=3650, help="Without it: never."),
]


def create(
    name: NameArgument,
    scope: ScopeOption = "read",
    expires: ExpiresOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Make a bearer token for `council serve` and print it once; only its hash is kept."""
    output = Output(as_json=as_json)
    lifetime = None if expires is None else timedelta(days=expires)
    file, now = _token_file(output), SystemClock().now()
    token = file.create(name, _scope(scope), now=now, lifetime=lifetime)
    made = next(own for own in file.read() if own.name == name)
    shape = NewTokenShape(**_token_shape(made).model_dump(), token=token)
    output.show(shape, lambda console: _draw_new_token(console, shape))


def listed(as_json: JsonFlag = False) -> None:
    """List the bearer tokens of `council serve` by name, scope and expiry."""
    output = Output(as_json=as_json)
    shapes = tuple(map(_token_shape, _token_file(output).read()))
    output.show(TokensShape(tokens=shapes), lambda console: _draw_tokens(console, shapes))


def revoke(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Revoke a bearer token: running servers refuse it from the next request on."""
    output = Output(as_json=as_json)
    left = _token_file(output).revoke(name)
    shape = RevokedShape(name=name, left=left)
    output.show(shape, lambda console: console.print(_revoked(shape), soft_wrap=True))


def _revoked(shape: RevokedShape) -> str:
    if shape.left:
        others = "1 other remains" if shape.left == 1 else f"{shape.left} others remain"
        return f"The token {shape.name} is revoked; {others}."
    return (
        f"The token {shape.name} is revoked, and it was the last. A server on this machine that "
        "is started from now on asks for none; start it with --require-token to keep it closed."
    )


def _token_file(output: Output) -> TokenFile:
    return TokenFile.in_home(settled(output.as_json).council_home)


def _scope(text: str) -> Scope:
    for scope in SCOPES:
        if text == scope:
            return scope
    raise UsageError(f"There is no scope {text!r}: choose from {', '.join(SCOPES)}.")


def _token_shape(token: StoredToken) -> TokenShape:
    return TokenShape(
        name=token.name,
        scope=token.scope,
        created_at=token.created_at,
        expires_at=token.expires_at,
        expired=token.is_expired(SystemClock().now()),
    )


def _draw_new_token(console: Console, shape: NewTokenShape) -> None:
    console.print(f"Token {shape.name}, scope {shape.scope}. It is shown this once:")
    console.print(f"  {shape.token}", style="bold", soft_wrap=True)
    console.print(f"Clients send it as the header `Authorization: Bearer {shape.token[:12]}…`.")


def _draw_tokens(console: Console, tokens: Sequence[TokenShape]) -> None:
    if not tokens:
        console.print("No tokens.", style="dim")
        return
    built = words.table("name", "scope", "made (New York)", "expires (New York)")
    for token in tokens:
        expires = "never" if token.expires_at is None else words.new_york(token.expires_at)
        expired = " (expired)" if token.expired else ""
        built.add_row(
            token.name, token.scope, words.new_york(token.created_at), f"{expires}{expired}"
        )
    console.print(built)
