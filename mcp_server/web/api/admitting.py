"""Who may use the API: a token by its scope, a session of the page, or this machine, which reads.

What came in without anybody vouching for it may do nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.requests import Request
from starlette.types import Scope

from council.trading.approvals import Decider
from mcp_server.scopes import Scope as Held
from mcp_server.scopes import full_name
from mcp_server.web.api.problems import ApiRefusal
from mcp_server.web.persons import local_name
from mcp_server.web.visitors import visitor_of


@dataclass(frozen=True, slots=True)
class Admission:
    """Who needs no token: whom `admits_reader` lets read, and pages of our own `origins`."""

    admits_reader: Callable[[Scope], bool]
    origins: frozenset[str]

    def check(self, request: Request, needed: Held) -> None:
        """Refuse whoever may not do what the scope `needed` allows.

        Raises:
            ApiRefusal: nobody vouches for the request (401), or its token holds less (403).
        """
        user = request.scope.get("user")
        if isinstance(user, AuthenticatedUser):
            _check_scope(user, needed)
        elif "authorization" in request.headers:
            # It may have been revoked: then it opens nothing that is open without it.
            raise _unauthenticated("The token is unknown or has expired", needed, "invalid_token")
        elif not self._is_known(request, needed):
            raise _unauthenticated("Nobody vouches for this request", needed, None)

    def _is_known(self, request: Request, needed: Held) -> bool:
        if visitor_of(request).has_signed_in:
            return True
        return needed == "read" and self.admits_reader(request.scope)


def decider_of(request: Request) -> Decider:
    """Return who decides by a request that was admitted: the token's owner, or the local person."""
    user = request.scope.get("user")
    if isinstance(user, AuthenticatedUser):
        token = user.access_token
        return Decider(f"token {token.subject or token.client_id}", "api", "client_relayed")
    return Decider(local_name(), "web", "local_user")


def _check_scope(user: AuthenticatedUser, needed: Held) -> None:
    if full_name(needed) in user.scopes:
        return
    name = full_name(needed)
    raise ApiRefusal(
        403,
        f"This needs a token with the scope {name}: the operator makes one with `council token "
        f"create NAME --scope {needed}`.",
        code="insufficient_scope",
        headers={"www-authenticate": f'Bearer error="insufficient_scope", scope="{name}"'},
    )


def _unauthenticated(what: str, needed: Held, error: str | None) -> ApiRefusal:
    name = full_name(needed)
    because = "" if error is None else f'error="{error}", '
    return ApiRefusal(
        401,
        f"{what}: send a bearer token with the scope {name}, or sign in on the page.",
        headers={"www-authenticate": f'Bearer {because}scope="{name}"'},
    )
