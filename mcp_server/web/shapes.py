"""What `council serve` and `council token` print with `--json`."""

from datetime import datetime

from mcp_server.shapes import Shape


class ServingShape(Shape):
    """Where the server listens, and who must show a token; without tools `mcp_url` is null."""

    address: str
    mcp_url: str | None
    approvals_url: str
    demands_token: bool
    mode: str
    venue: str
    degraded: tuple[str, ...]


class TokenShape(Shape):
    """A bearer token by name; nobody can say the token itself."""

    name: str
    scope: str
    created_at: datetime
    expires_at: datetime | None
    expired: bool


class TokensShape(Shape):
    """All tokens, the oldest first."""

    tokens: tuple[TokenShape, ...]


class NewTokenShape(TokenShape):
    """A token that was just made: the only time that it is shown."""

    token: str


class RevokedShape(Shape):
    """The token that is gone, and how many are left."""

    name: str
    left: int
