"""Who looks at a page: whether the person has signed in, and what that lets him do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request

LOOK: Final = "council.look"
"""Key of a request's ASGI scope, under which the sessions leave a function that finds who it is."""
_VISITOR: Final = "council.visitor"


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person at the browser; `csrf` proves that a form came from a page that was shown to him.

    `ends_at` is when the session is over, None where nobody has signed in; `can_sign_in` tells that
    a passphrase is set.
    """

    csrf: str = ""
    ends_at: datetime | None = None
    can_sign_in: bool = False

    @property
    def has_signed_in(self) -> bool:
        """Whether the person has proved to know the passphrase."""
        return self.ends_at is not None


NOBODY: Final = Visitor()


def visitor_of(request: Request) -> Visitor:
    """Return who sent the request; he stays the same for all of it."""
    scope = request.scope
    if _VISITOR not in scope:
        look = scope.get(LOOK)
        scope[_VISITOR] = look(request) if look is not None else NOBODY
    found: Visitor = scope[_VISITOR]
    return found
