"""Who looks at a page: whether the person has signed in, and what that lets him do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request

VISITOR: Final = "council.visitor"
"""Key of a request's ASGI scope, under which the sessions leave the visitor."""


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
    """Return who sent the request."""
    found = request.scope.get(VISITOR, NOBODY)
    return found if isinstance(found, Visitor) else NOBODY
