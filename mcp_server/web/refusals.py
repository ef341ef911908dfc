"""What went wrong, as a page of one sentence: never a traceback, never without our headers."""

from typing import Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mcp_server.web.showing import bare_page
from mcp_server.web.sign_in import sign_in_address
from mcp_server.web.site_guard import RequestRefused

_SENTENCES: Final = {
    404: ("No such page", "There is no page at this address."),
    405: ("Not that way", "This address does not take what was sent; nothing was changed."),
}


async def shown_refusal(request: Request, error: Exception) -> Response:
    """Show why a request was refused, and the way to sign in and back."""
    status = error.status if isinstance(error, RequestRefused) else 403
    return bare_page(
        "refused",
        request,
        status=status,
        sentence=str(error),
        sign_in=sign_in_address(_came_from(request)),
    )


async def shown_miss(request: Request, error: Exception) -> Response:
    """Show that an address leads nowhere, or not this way."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    title, sentence = _SENTENCES.get(status, ("Refused", "This request cannot be answered."))
    answer = bare_page("problem", request, status=status, title=title, sentence=sentence)
    answer.headers.update((isinstance(error, HTTPException) and error.headers) or {})
    return answer


async def shown_fault(request: Request, _: Exception) -> Response:
    """Show that the program is at fault; what happened stands in the log alone."""
    sentence = "Something went wrong in the council itself: the log of `council serve` says what."
    title = "This page cannot be shown"
    return bare_page("problem", request, status=500, title=title, sentence=sentence)


def _came_from(request: Request) -> str:
    """Return the path of the page that sent the request, empty where none can be made out."""
    try:
        return urlsplit(request.headers.get("referer", "")).path
    except ValueError:
        return ""
