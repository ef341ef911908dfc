"""What a page answers where a person's decision could not be carried out: a status, a sentence."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from config.errors import ConfigError, CouncilError, UsageError
from council.errors import (
    AccountHalted,
    AlreadyDecided,
    NotApproved,
    Overtaken,
    TicketChanged,
    TicketExpired,
    UnknownTrade,
)
from mcp_server.passphrase import PassphraseLocked
from mcp_server.web.showing import bare_page

_STATUSES: Final[tuple[tuple[type[CouncilError], int], ...]] = (
    (UnknownTrade, 404),
    (TicketExpired, 410),
    (AlreadyDecided, 409),
    (TicketChanged, 409),
    (AccountHalted, 409),
    (NotApproved, 409),
    (Overtaken, 409),
    (PassphraseLocked, 429),
    (UsageError, 422),
    (ConfigError, 500),
)
_OPENINGS: Final = ("Not approved: ", "Not revoked: ", "Not resumed: ")


def status_of(error: CouncilError) -> int:
    """Return the HTTP status that says what kind of refusal it is."""
    known = (status for kind, status in _STATUSES if isinstance(error, kind))
    return next(known, 503 if error.retryable else 403)


def is_unsure(error: CouncilError) -> bool:
    """Whether what was being stored may have been stored all the same."""
    return error.retryable and not isinstance(error, Overtaken)


def undecided(
    request: Request,
    error: CouncilError,
    *,
    heading: str,
    back: str,
    unsure: bool = False,
    instead: str = "",
) -> Response:
    """Show that nothing was done and why, or with `unsure` that nobody knows.

    `back` leads on, and `instead` says what else can be done.
    """
    sentence = str(error)
    for opening in _OPENINGS:
        sentence = sentence.removeprefix(opening)
    return bare_page(
        "undecided",
        request,
        status=status_of(error),
        title="Not known" if unsure else heading,
        sentence=sentence[:1].upper() + sentence[1:],
        unsure=unsure,
        instead=instead,
        back=back,
    )
