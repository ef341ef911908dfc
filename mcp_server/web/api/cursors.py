"""The cursors of the lists of trades: where a page ended, and of which list it was a page."""

import base64
import hashlib
import json
from typing import Final
from uuid import UUID

from mcp_server.trade_pages import Place
from mcp_server.web.api.problems import ApiRefusal

_MARK_CHARACTERS: Final = 12


def cursor_of(last: Place | None, of: str) -> str | None:
    """Return the cursor of the page that goes on after `last`; `of` names the list."""
    if last is None:
        return None
    content = json.dumps([*last, _mark(of)], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def place_in(cursor: str | None, of: str) -> tuple[str, str, UUID] | None:
    """Return after which place the list `of` goes on; None for its beginning.

    Raises:
        ApiRefusal: the cursor was not made for this list.
    """
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        week_id, account, trade_id, mark = map(_text, content)
        place = week_id, account, UUID(trade_id)
    except (ValueError, TypeError, RecursionError) as error:
        raise _foreign() from error
    if mark != _mark(of):
        raise _foreign()
    return place


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isascii() or "\0" in value:
        raise TypeError("A cursor holds plain text alone.")
    return value


def _mark(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()[:_MARK_CHARACTERS]


def _foreign() -> ApiRefusal:
    return ApiRefusal(
        422,
        "The cursor was not made for this list: ask without it, or with `next` of the page before "
        "and the same filters.",
        code="foreign_cursor",
    )
